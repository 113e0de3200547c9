"""Say what this machine has: versions, memory, disk, extras, where the store lies."""

import shutil
from importlib import util

from acclimate.cli._terminal import echo
from acclimate.core.catalogue import EXTRAS
from acclimate.core.store import home
from acclimate.planning.memory import available_bytes
from acclimate.study.machine import hardware, versions

GIB = 2**30


def run() -> None:
    """Print one line each; nothing is changed."""
    store = home()
    disk = next(folder for folder in (store, *store.parents) if folder.exists())
    echo(f"hardware   {hardware()}")
    echo(f"memory     {available_bytes() / GIB:.1f} GiB free")
    echo(f"disk       {shutil.disk_usage(disk).free / GIB:.1f} GiB free")
    echo(f"store      {store}")
    for name, version in versions().items():
        echo(f"{name:<22}{version}")
    for module, extra in EXTRAS.items():
        state = "installed" if util.find_spec(module) else f"pip install 'acclimate[{extra}]'"
        echo(f"{module:<22}{state}")
