"""Say what this machine has: versions, memory, disk, extras, where the store lies."""

import shutil
from importlib import util
from typing import Annotated

import typer

from acclimate.cli._terminal import echo
from acclimate.core.catalogue import EXTRAS
from acclimate.core.home import home
from acclimate.planning.memory import available_bytes
from acclimate.study.environment import hardware, versions
from acclimate.study.pruning import prune as prune_stale
from acclimate.study.pruning import stale_artifacts

_GIB, MIB = 2**30, 2**20


def run(
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove what is stale and no report serves from.")
    ] = False,
) -> None:
    """Print one line each; nothing is changed but what is asked for."""
    store = home()
    disk = next(folder for folder in (store, *store.parents) if folder.exists())
    echo(f"hardware   {hardware()}")
    echo(f"memory     {available_bytes() / _GIB:.1f} GiB free")
    echo(f"disk       {shutil.disk_usage(disk).free / _GIB:.1f} GiB free")
    echo(f"store      {store}")
    echo(f"stale      {_stale(is_pruned=prune)}")
    for name, version in versions().items():
        echo(f"{name:<22}{version}")
    for module, extra in EXTRAS.items():
        state = "installed" if util.find_spec(module) else f"pip install 'acclimate[{extra}]'"
        echo(f"{module:<22}{state}")


def _stale(*, is_pruned: bool) -> str:
    """What today's code would make otherwise, in bytes."""
    stale = stale_artifacts()
    served = sum(artifact.num_bytes for artifact in stale if artifact.is_served)
    served_note = f"; {_mib(served)} more that reports serve from stay" if served else ""
    if is_pruned:
        return f"{_mib(prune_stale(stale))} removed{served_note}"
    rest = sum(artifact.num_bytes for artifact in stale) - served
    mend = ", acclimate doctor --prune removes them" if rest else ""
    return f"{_mib(rest)} of artifacts that today's code would make otherwise{mend}{served_note}"


def _mib(num_bytes: int) -> str:
    return f"{num_bytes:,} bytes" if num_bytes < MIB else f"{num_bytes / MIB:,.1f} MiB"
