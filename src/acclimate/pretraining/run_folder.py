"""Ownership of a run folder: a training with other settings is refused."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from acclimate.core.errors import ConfigError
from acclimate.core.storage.atomic import write_whole
from acclimate.pretraining.spec import PretrainSpec

SPEC = "spec.json"
TEXT_FIELDS = frozenset({"text", "corpus", "tokenizer"})
"""Settings that decide the tokens on the disk."""


def claim(folder: Path, spec: PretrainSpec) -> None:
    """Write the settings of a training into its folder, before anything else.

    Raises:
        ConfigError: The folder holds checkpoints of a training with other settings.
    """
    refuse_other(folder, spec)
    write_whole(folder / SPEC, spec.model_dump_json(indent=2))


def refuse_other(
    folder: Path, spec: PretrainSpec, fields: frozenset[str] = frozenset(PretrainSpec.model_fields)
) -> None:
    """Refuse a folder with checkpoints of a training whose `fields` have other values.

    Raises:
        ConfigError: They have; the message names the settings that differ.
    """
    if not any(folder.glob("checkpoints/step-*")):
        return
    try:
        there = json.loads((folder / SPEC).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return  # its settings are unknown; the key of the prepared text is compared later
    here = spec.model_dump(mode="json", include=set(fields))
    differing = list(_differing({name: there.get(name) for name in here}, here))
    if differing:
        raise ConfigError(
            f"{folder}: holds a training with other settings ({'; '.join(differing[:3])}); give "
            "another --out, or remove its folder checkpoints"
        )


def _differing(there: Mapping[str, Any], here: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for name, value in here.items():
        other, path = there.get(name), f"{above}{name}"
        if isinstance(value, dict) and isinstance(other, dict):
            yield from _differing(other, value, f"{path}.")
        elif other != value:
            yield f"{path}={other!r:.40} there, {value!r:.40} here"
