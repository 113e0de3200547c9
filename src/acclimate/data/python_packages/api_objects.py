"""The documented objects of a package, each in one public module."""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import acclimate
from acclimate.core.errors import BackendError, ConfigError
from acclimate.core.runtime.progress import progress

STDLIB = "stdlib"
"""The name that stands for the running Python's standard library."""
ObjectKind = Literal["module", "function", "class", "method"]
MAX_SECONDS = 300.0
"""Importing a package may take so long; pandas takes two seconds."""
_WALK = (
    "import json, sys; package, out, paths = sys.argv[1:]; "
    "sys.path += [p for p in json.loads(paths) if p not in sys.path]; "
    "from acclimate.data.python_packages.api_walker import main; main(package, out)"
)


@dataclass(frozen=True, slots=True)
class PublicObject:
    """A module, function, class or method with its own docstring."""

    module: str
    """Dotted name of the one module under which it is told."""
    name: str
    """Name in the module: `dumps`, `JSONEncoder.encode`; empty for the module itself."""
    kind: ObjectKind
    doc: str
    """Its docstring without common indentation."""
    summary: str
    """First sentence of the docstring on one line; may be empty."""
    signature: str = ""
    """`(obj, *, indent=None)`; empty where Python cannot tell."""
    parameters: tuple[str, ...] = ()
    """Names of what a call may pass, required ones first; no `self`, `*args`, `**kwargs`."""
    num_required: int = 0
    """How many of `parameters` a call must pass."""
    is_only_here: bool = False
    """Whether no other public module has this name."""

    @property
    def path(self) -> str:
        """As one writes it: `json.dumps`; built-ins go without their module."""
        if not self.name:
            return self.module
        return self.name if self.module == "builtins" else f"{self.module}.{self.name}"


def public_objects(package: str = STDLIB) -> list[PublicObject]:
    """Every documented object once, in order of module and name, modules before what they hold.

    An object that several modules export is told under one of them: in the standard library the
    shortest name, elsewhere the module that defines it. One whose docstring repeats that of an
    object with the same name (`os.path` and its variants) is told once.

    Modules are imported in a fresh interpreter: what they do when imported touches nothing here,
    and what this process has patched (a debugger, a test runner) changes nothing there.

    Args:
        package: Import name of an installed package, or `stdlib`.

    Raises:
        ConfigError: There is no such package.
        BackendError: Importing it crashed the interpreter or took more than `MAX_SECONDS`.
    """
    if package != STDLIB and (not package.isidentifier() or find_spec(package) is None):
        raise ConfigError(
            f"package={package!r} is not installed; give 'stdlib' or the import name of an "
            "installed package, as 'numpy'"
        )
    with tempfile.TemporaryDirectory() as folder, progress("importing modules", 1) as advance:
        out = Path(folder) / "objects.jsonl"
        _run(package, out)
        lines = out.read_text(encoding="utf-8").splitlines()
        advance(1)
    return [_read(line) for line in lines]


def _run(package: str, out: Path) -> None:
    source_folder = str(Path(acclimate.__file__).parents[1])
    # The standard library is walked without site-packages, whose start-up files may patch it.
    options, paths = (
        (["-I", "-S"], [source_folder])
        if package == STDLIB
        else (["-I"], [source_folder, *sys.path])
    )
    command = [sys.executable, *options, "-c", _WALK, package, str(out), json.dumps(paths)]
    try:
        subprocess.run(command, capture_output=True, check=True, timeout=MAX_SECONDS)
    except (subprocess.SubprocessError, OSError) as error:
        stderr = (getattr(error, "stderr", None) or b"").decode("utf-8", "replace").strip()
        reason = stderr.rpartition("\n")[2] or str(error)
        raise BackendError(f"package={package!r} cannot be imported: {reason}") from None


def _read(line: str) -> PublicObject:
    fields = json.loads(line)
    return PublicObject(**{**fields, "parameters": tuple(fields["parameters"])})
