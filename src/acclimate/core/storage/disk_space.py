"""Tell a full disk from its other faults, and say it with the mend."""

import errno
import re
import shutil
from pathlib import Path

from acclimate.core.errors import ConfigError

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_SAID = re.compile(r"\(os error (28|122)\)|disk is full")
"""How libraries written in other languages say it."""
_SPENT_BYTES = 64 * 2**10
"""With less than this free, the disk is what is wrong, whatever a library calls it."""


def is_disk_full(error: Exception, folder: Path) -> bool:
    """Whether a failure to write came of a full disk or a spent quota."""
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return True
    return bool(_SAID.search(str(error))) or _free(folder) < _SPENT_BYTES


def disk_full_error(folder: Path, mend: str) -> ConfigError:
    """The error to raise."""
    free = f"{_free(folder) / 2**20:.0f} MiB free"
    return ConfigError(f"{folder}: no room on the disk ({free}); free some, or {mend}")


def _free(folder: Path) -> int:
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free
