"""Any decoder or encoder-decoder that transformers loads: a folder or a hub name."""

import hashlib
import json
import math
import struct
from pathlib import Path
from typing import Any

from acclimate.core.errors import ConfigError
from acclimate.core.model import Model
from acclimate.core.runtime.silence import silenced
from acclimate.core.source import ModelSource


class HuggingFace(ModelSource):
    """A pretrained model in transformers' format."""

    path: str
    """A folder with config.json, safetensors and a tokenizer, or a name on the hub."""
    revision: str = "main"
    """Branch, tag or commit on the hub; give a commit to pin it."""

    def load(self) -> Model:
        """Load network and tokenizer, frozen.

        Raises:
            ConfigError: The folder or the hub's model is missing or incomplete.
        """
        self._check_folder()
        with silenced():
            from safetensors import SafetensorError

            from acclimate.inference.load import load_network
            from acclimate.inference.local_model import LocalModel

            try:
                network, tokenizer = load_network(self.path, **self._options)
            except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
                reason = str(error).strip().partition("\n")[0]
                if isinstance(error, KeyError):
                    reason = f"its config.json or tokenizer has no {reason}; copy it again"
                raise ConfigError(f"base '{self.path}' cannot be loaded: {reason}") from error
            self._check_reads_forward(network.config)
            return LocalModel(network, tokenizer)

    def fingerprint(self) -> str:
        """Digest of the folder's files; of name and revision for a model on the hub."""
        folder = Path(self.path)
        if not folder.is_dir():
            return hashlib.sha256(f"{self.path}@{self.revision}".encode()).hexdigest()
        whole = hashlib.sha256()
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            whole.update(str(path.relative_to(folder)).encode())
            with path.open("rb") as file:
                whole.update(hashlib.file_digest(file, "sha256").digest())
        return whole.hexdigest()

    def num_params(self) -> int | None:
        """Parameters, read from the files' headers without loading; None if not known.

        Raises:
            ConfigError: A file of weights is damaged.
        """
        files = sorted(Path(self.path).glob("*.safetensors"))
        return sum(map(_params_in, files)) if files else None

    @property
    def _options(self) -> dict[str, str]:
        return {} if Path(self.path).is_dir() else {"revision": self.revision}

    def _check_folder(self) -> None:
        folder = Path(self.path)
        if not folder.exists() and (self.path.startswith(("/", ".", "~")) or "/" not in self.path):
            raise ConfigError(
                f"base '{self.path}': there is no such folder; give the folder of a model in "
                "transformers' format, or a hub name such as owner/model"
            )
        if folder.is_file():
            raise ConfigError(f"base '{self.path}' is a file; give the folder of a model")
        if not folder.is_dir():
            return
        if not (folder / "config.json").is_file():
            raise ConfigError(f"base '{self.path}' has no config.json; save a model there first")
        if not any((folder / name).is_file() for name in _TOKENIZERS):
            raise ConfigError(
                f"base '{self.path}' has no tokenizer ({' or '.join(_TOKENIZERS)}); "
                "save the model's tokenizer into the same folder"
            )

    def _check_reads_forward(self, config: Any) -> None:
        """An encoder would answer with noise: it was trained to see the text on both sides."""
        from transformers.models.auto import modeling_auto

        encoders = modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES
        is_decoder = config.is_encoder_decoder or getattr(config, "is_decoder", False)
        if config.model_type in encoders and not is_decoder:
            raise ConfigError(
                f"base '{self.path}' is an encoder ({config.model_type}) and cannot write answers; "
                "take a decoder or an encoder-decoder such as T5"
            )


_DAMAGES = (struct.error, ValueError, OverflowError, MemoryError, LookupError, TypeError,
            AttributeError)  # fmt: skip
"""What reading a header of something else may raise."""
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "spiece.model")


def _params_in(path: Path) -> int:
    """Count the elements that a safetensors header declares."""
    try:
        with path.open("rb") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(size))
        tensors = [tensor for name, tensor in header.items() if name != "__metadata__"]
        end = 8 + size + max((tensor["data_offsets"][1] for tensor in tensors), default=0)
        if path.stat().st_size < end:
            raise ValueError("cut short")
        return sum(math.prod(tensor["shape"]) for tensor in tensors)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except _DAMAGES as error:
        raise ConfigError(f"{path}: not a safetensors file, or cut short; copy it again") from error
