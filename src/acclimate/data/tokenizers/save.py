"""A tokenizer's folder in transformers' format: written whole or not at all."""

import json
from pathlib import Path
from typing import Any

from acclimate.core.errors import ConfigError
from acclimate.core.runtime.silence import silenced
from acclimate.core.storage.atomic import whole_folder
from acclimate.core.storage.disk_space import disk_full_error, is_disk_full

_CONFIG = "tokenizer_config.json"
_FILES = ("tokenizer.json", "tokenizer.model", "spiece.model", "vocab.json", "vocab.txt", _CONFIG)
"""Any of these makes a folder a tokenizer's."""


def check_free(folder: Path) -> None:
    """Refuse to write over something.

    Raises:
        ConfigError: The folder is there and not empty, or is a file.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder}: is there and not empty; name a new folder")


def save_tokenizer(tokenizer: Any, folder: Path) -> None:
    """Save into a new folder (or an empty one): all files or none.

    Raises:
        ConfigError: The folder is not empty or cannot be written, or the disk is full.
    """
    check_free(folder)
    try:
        with whole_folder(folder, _FILES[0]) as aside:
            write_tokenizer(tokenizer, aside)
    except Exception as error:  # the writer of tokenizer.json has no class of its own
        if is_disk_full(error, folder.absolute().parent):
            raise disk_full_error(folder, "name a folder on another disk") from error
        raise


def write_tokenizer(tokenizer: Any, folder: Path) -> None:
    """Write into a folder of the caller's, so that transformers 4 reads it as well as 5."""
    with silenced():
        tokenizer.save_pretrained(folder)
    path = folder / _CONFIG
    config = json.loads(path.read_text(encoding="utf-8"))
    if config["tokenizer_class"] == "TokenizersBackend":
        config["tokenizer_class"] = "PreTrainedTokenizerFast"
    if "extra_special_tokens" in config:
        config["additional_special_tokens"] = config.pop("extra_special_tokens")
    path.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def load_tokenizer(name: str) -> Any:
    """Load a tokenizer of any kind from a folder or the hub.

    Raises:
        ConfigError: There is none, or it is damaged.
    """
    folder = Path(name)
    if folder.exists() and not any((folder / file).is_file() for file in _FILES):
        raise ConfigError(
            f"{name}: holds no tokenizer ({', '.join(_FILES[:2])}, …); give a folder in "
            "transformers' format, or a hub name such as owner/model"
        )
    if not folder.exists() and (name.startswith(("/", ".", "~")) or name.endswith("/")):
        raise ConfigError(f"{name}: there is no such folder; name a tokenizer's folder")
    with silenced():
        from transformers import AutoTokenizer

        try:
            return AutoTokenizer.from_pretrained(name)
        except Exception as error:  # the reader of tokenizer.json has no class of its own
            reason = str(error).strip().partition("\n")[0]
            raise ConfigError(f"tokenizer '{name}' cannot be loaded: {reason}") from error
