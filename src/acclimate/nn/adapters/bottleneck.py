"""The bottleneck adapter: a narrow two-layer network beside or after a layer.

    h + s (f(x D' + b) U' + c),  x = h (sequential) or the layer's input (parallel)

Houlsby et al. 2019 (https://arxiv.org/abs/1902.00751), figure 2; He et al. 2022
(https://arxiv.org/abs/2110.04366), table 1.

Letters: N tokens in any arrangement, D the layer's width, R the adapter's.
"""

import math
from collections.abc import Callable
from typing import Literal

import torch
from pydantic import Field
from torch.nn import functional

from acclimate.core.errors import ConfigError
from acclimate.core.record import Record

Activation = Literal["relu", "gelu", "silu"]
ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "relu": functional.relu,
    "gelu": functional.gelu,
    "silu": functional.silu,
}


class BottleneckForm(Record):
    """What adapters compute and on which layers: all that is needed to build them again."""

    peft_type: Literal["BOTTLENECK"] = "BOTTLENECK"
    """Distinguishes the file from those of PEFT's adapters."""
    is_parallel: bool = False
    """Whether they read their layer's input rather than its output."""
    has_attention: bool = False
    """Whether attention layers get one too, not feed-forward layers alone."""
    reduction: int = Field(default=16, ge=1)
    """The layer's width over the adapter's, rounded down."""
    activation: Activation = "relu"
    """Between the two matrices."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """After the activation, while training."""
    scale: float = 1.0
    """What their output is multiplied by."""
    is_scale_learned: bool = False
    """Whether that is only where it starts."""
    tasks: tuple[str, ...] = ()
    """Tasks with an adapter each; empty: one for all."""

    def width(self, layer_width: int) -> int:
        """R for a layer's D.

        Raises:
            ConfigError: It would be 0.
        """
        if self.reduction > layer_width:
            raise ConfigError(
                f"reduction={self.reduction} leaves an adapter no width of its layer's "
                f"{layer_width}; at most {layer_width}"
            )
        return layer_width // self.reduction


class BottleneckModule(torch.nn.Module):
    """One adapter of one layer; changes nothing until it is trained, for U and c begin at 0.

    Differs: Houlsby et al. draw both matrices near 0, which only nearly changes nothing; this is
    the start of He et al.'s code, and LoRA's.

    Weights are bare parameters, in which no library that looks for linear layers finds one, and
    float32, for steps of training are lost in bfloat16.
    """

    def __init__(self, layer_width: int, form: BottleneckForm) -> None:
        super().__init__()
        width = form.width(layer_width)
        self.form, self.dropout = form, form.dropout
        self.down = torch.nn.Parameter(torch.empty(width, layer_width))  # (R, D)
        self.down_bias = torch.nn.Parameter(torch.zeros(width))
        self.up = torch.nn.Parameter(torch.zeros(layer_width, width))  # (D, R)
        self.up_bias = torch.nn.Parameter(torch.zeros(layer_width))
        scale = torch.tensor(form.scale)
        self.scale = torch.nn.Parameter(scale, requires_grad=form.is_scale_learned)
        torch.nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, read: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        """The layer's output (N, D), changed, given also its input `read` (N, D)."""
        x = (read if self.form.is_parallel else output).to(self.down.dtype)
        hidden = ACTIVATIONS[self.form.activation](functional.linear(x, self.down, self.down_bias))
        hidden = functional.dropout(hidden, self.dropout, self.training)  # (N, R)
        change = self.scale * functional.linear(hidden, self.up, self.up_bias)
        return output + change.to(output.dtype)
