"""QLoRA: weights in 4-bit NormalFloat, with low-rank updates in full precision.

Letters: K inputs, N outputs of a layer.
"""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from transformers.pytorch_utils import Conv1D

from acclimate.core.runtime.silence import silenced
from acclimate.nn.adapters.interface import Adapter
from acclimate.nn.adapters.low_rank import adaptable_linear_layers, widths
from acclimate.nn.adapters.peft import PeftAdapter
from acclimate.nn.fast_linear import FastLinear, linear

with silenced():  # it asks for kernels of its own at import
    from bitsandbytes import functional as bnb
    from bitsandbytes.nn import Linear4bit, Params4bit

BLOCK = 64
"""Weights that share a scale (Dettmers et al. 2023)."""


def quantize(network: Any) -> Any:
    """Put a network's linear layers in NF4 with doubly quantised scales, in place; same network.

    The tensors it had stay as they were. Its output layer is left out, as in the paper's code, and
    so is what its family must keep in full precision (a part of T5).
    """
    full_precision = getattr(network, "_keep_in_fp32_modules", None) or ()
    for name, layer in adaptable_linear_layers(network).items():
        owner, _, last = name.rpartition(".")
        if last not in full_precision:
            setattr(network.get_submodule(owner), last, _quantized(layer, network.dtype))
    # By this PEFT and transformers know how to put updates on such layers and count their weights.
    network.is_loaded_in_4bit = True
    return network


def dequantize(network: Any) -> Any:
    """Put full-precision layers of the rounded weights in their place; same network."""
    for name, layer in list(network.named_modules()):
        if isinstance(layer, Nf4Linear):
            owner, _, last = name.rpartition(".")
            setattr(network.get_submodule(owner), last, _float(layer))
    network.is_loaded_in_4bit = False
    return network


def num_weight_bytes(network: Any) -> int:
    """Memory of the weights that are not trained, scales among them; shared ones count once."""
    tensors = {t.data_ptr(): t for p in network.parameters() for t in _parts(p)}
    return sum(t.nbytes for t in tensors.values() if not t.requires_grad)


class Nf4Linear(Linear4bit):
    """bitsandbytes' layer with its product in full precision, right for rows of any length."""

    def weights(self) -> torch.Tensor:
        """The rounded weights (N, K)."""
        flat = bnb.dequantize_4bit(self.weight.data, self.weight.quant_state)
        return flat.view(self.out_features, self.in_features).to(self.compute_dtype)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (…, K) to (…, N)."""
        out: torch.Tensor = _Product.apply(x, self)
        return out if self.bias is None else out + self.bias


class _Product(torch.autograd.Function):
    """x W' that keeps the 4-bit codes alone for the backward pass."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, layer: Nf4Linear) -> torch.Tensor:
        ctx.layer = layer
        return linear(x, layer.weights())

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        return linear(grads[0], ctx.layer.weights().t()), None


def _quantized(layer: Any, dtype: torch.dtype) -> Nf4Linear:
    num_inputs, num_outputs = widths(layer)
    # GPT-2's layers hold their weights the other way round.
    weight = layer.weight.t() if isinstance(layer, Conv1D) else layer.weight
    options = {"compress_statistics": True, "quant_type": "nf4"}
    # As one row: the kernel of some processors takes the wrong scales where a block crosses rows.
    packed, state = bnb.quantize_4bit(weight.detach().flatten(), blocksize=BLOCK, **options)
    made: Any = Nf4Linear(
        num_inputs, num_outputs, False, compute_dtype=dtype, device="meta", **options
    )
    made.weight = Params4bit(
        packed, quant_state=state, blocksize=BLOCK, bnb_quantized=True, **options
    )
    made.quant_state, made.bias = state, layer.bias
    made.is_transposed = isinstance(layer, Conv1D)
    made.train(layer.training)
    return made  # type: ignore[no-any-return]


def _float(layer: Any) -> torch.nn.Module:
    weight = layer.weights()
    if layer.is_transposed:
        made: Any = Conv1D(layer.out_features, layer.in_features)
        weight = weight.t().contiguous()
    else:
        made = FastLinear(layer.in_features, layer.out_features, device="meta")
    made.weight, made.bias = torch.nn.Parameter(weight, requires_grad=False), layer.bias
    return made.train(layer.training)  # type: ignore[no-any-return]


def _parts(weight: torch.nn.Parameter) -> Iterator[torch.Tensor]:
    """A weight's tensors: one, or codes with their scales and tables."""
    yield weight
    state = getattr(weight, "quant_state", None)
    if state is not None:
        yield from (state.absmax, state.code, state.offset, state.state2.absmax, state.state2.code)


class Nf4Adapter(Adapter):
    """Low-rank updates of PEFT on a base in NF4, rounded anew whenever it is put on."""

    kind: ClassVar[str] = "nf4"

    def __init__(self, inside: PeftAdapter) -> None:
        """Hold an adapter on a quantised network."""
        self.inside, self.network = inside, inside.network

    def write(self, folder: Path) -> None:
        """Save the updates in PEFT's format; the codes follow from the base."""
        self.inside.write(folder)

    @classmethod
    def read(cls, network: Any, folder: Path) -> Self:
        """Round the network's weights, the same each time, and put the updates on."""
        return cls(PeftAdapter.read(quantize(network), folder))

    def merged(self) -> Any:
        """A full-precision copy: the rounded weights and the update, not rounded again."""
        from peft import get_peft_model_state_dict, set_peft_model_state_dict

        with silenced():
            weights = get_peft_model_state_dict(self.inside.model)
            config = copy.deepcopy(self.inside.model.peft_config["default"])
            network = dequantize(copy.deepcopy(self.inside.model).unload())
            whole = PeftAdapter.new(network, config)
            set_peft_model_state_dict(whole.model, weights)
            return whole.model.merge_and_unload()
