"""Load a network and its tokenizer from a transformers folder or hub name."""

from pathlib import Path
from typing import Any

import torch

from acclimate.core.errors import ConfigError
from acclimate.nn.fast_linear import use_fast_linears
from acclimate.nn.threads import use_threads_for

ALIGNMENT = 64
"""Bytes: PyTorch's own tensors on a CPU begin at multiples."""


def load_network(path: Path | str, **options: Any) -> tuple[Any, Any]:
    """Network (frozen, ready to answer) and tokenizer of a transformers folder or hub name.

    On a GPU where there is one, in bfloat16; on a CPU in float32, for CPUs without bfloat16
    units are about five times slower in it.

    Raises:
        ConfigError: Some weights are not in the files.
    """
    import transformers

    transformers.utils.logging.disable_progress_bar()
    config = transformers.AutoConfig.from_pretrained(path, **options)
    kind = "AutoModelForSeq2SeqLM" if config.is_encoder_decoder else "AutoModelForCausalLM"
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    load = getattr(transformers, kind).from_pretrained
    network, loaded = load(path, dtype=dtype, output_loading_info=True, **options)
    _require_whole(sorted(loaded["missing_keys"]))
    use_threads_for(network.num_parameters())
    use_fast_linears(network)
    tokenizer = transformers.AutoTokenizer.from_pretrained(path, **options)
    return _aligned(network.to(device)).eval().requires_grad_(False), tokenizer


def _aligned(network: Any) -> Any:
    """The network with its weights where PyTorch puts its own: MKL rounds few rows by the address.

    In a file weights lie wherever the header before them ends, and are used from there, so that a
    network read from the store would answer otherwise, in its last bits, than when it was fitted.
    """
    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.device.type == "cpu" and tensor.data_ptr() % ALIGNMENT:
            tensor.data = tensor.data.clone()
    return network


def _require_whole(missing: list[str]) -> None:
    """Weights that no file holds are drawn at random, of which the library only warns."""
    if missing:
        more = ", …" if len(missing) > 2 else ""
        raise ConfigError(
            f"its files lack {len(missing)} weights ({', '.join(missing[:2])}{more}), which would "
            "be random; copy or save the whole model again"
        )
