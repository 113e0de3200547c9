"""Training arguments: steps, schedule, optimizer, precision, evaluation, limits."""

from typing import Literal

from pydantic import Field

from acclimate.core.record import Record


class TrainingArguments(Record):
    """How long, how fast and how carefully to train."""

    num_steps: int = Field(default=1000, ge=1)
    """Optimiser steps."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Peak; about 1e-3 to 3e-3 for widths of 64 to 256, falling with width."""
    schedule: Literal["cosine", "linear", "constant", "wsd", "ramp"] = "cosine"
    """Learning rate after warm-up. `wsd`: stable, then decay; `ramp`: only up (range test)."""
    warmup_share: float = Field(default=0.02, ge=0, lt=1)
    """Share of the steps over which the rate rises; 0.01 to 0.02 is usual from scratch."""
    decay_share: float = Field(default=0.2, gt=0, le=1)
    """Share of the steps that decay, with `wsd`; 0.2 is Hägele et al.'s (2024)."""
    final_share: float = Field(default=0.1, ge=0, le=1)
    """Last rate as a share of the peak; a tenth is Hoffmann et al.'s (2022)."""
    optimizer: Literal["adamw", "muon"] = "adamw"
    """`muon`: orthogonalised momentum for hidden matrices, AdamW for the rest (Jordan 2024)."""
    weight_decay: float = Field(default=0.1, ge=0)
    """Pull to zero on matrices; 0.1 is GPT-3's."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    """Longer gradients are cut to this length; 1.0 is GPT-3's."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of each target spread over the vocabulary (Szegedy et al. 2016)."""
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """Of forward and backward passes; weights stay float32. fp16 scales its loss."""
    use_activation_checkpointing: bool = False
    """Compute activations again in the backward pass instead of keeping them: less memory, about
    a third more time."""
    use_compile: bool = False
    """Compile the network (torch.compile): a minute once, paid back by long runs on a GPU."""
    parallel: Literal["ddp", "fsdp"] = "ddp"
    """Under torchrun: a whole copy on each device, or weights cut over them."""
    eval_every_steps: int = Field(default=0, ge=0)
    """Steps from one evaluation on dev to the next; 0: a twentieth of the run."""
    patience: int = Field(default=0, ge=0)
    """Evaluations without a better dev loss before stopping; 0: never stop early."""
    save_every_steps: int = Field(default=0, ge=0)
    """Steps from one checkpoint to the next; 0: at each evaluation."""
    max_spike: float = Field(default=3.0, gt=1)
    """A loss over so many times the median of the last fifty stops the run."""
    max_seconds: float = Field(default=0.0, ge=0)
    """Stop after so much time, keeping the best weights; 0: no limit."""

    @property
    def eval_every(self) -> int:
        """Steps from one evaluation to the next, never 0."""
        return self.eval_every_steps or max(1, self.num_steps // 20)

    @property
    def save_every(self) -> int:
        """Steps from one checkpoint to the next, never 0."""
        return self.save_every_steps or self.eval_every
