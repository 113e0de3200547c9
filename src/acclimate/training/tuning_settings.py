"""Settings of training that all tuning methods share."""

import math

from pydantic import Field

from acclimate.core.record import Record
from acclimate.training.arguments import TrainingArguments


class TrainingSettings(Record):
    """How long and how carefully to train; the learning rate belongs to the method."""

    num_epochs: float = Field(default=3.0, gt=0)
    """Passes over the training items; 3 is InstructGPT's order of magnitude (2 to 16)."""
    batch_size: int = Field(default=16, ge=1)
    """Items an optimiser step (packed into as few rows as hold them)."""
    warmup_share: float = Field(default=0.06, ge=0, lt=1)
    """Share of the steps over which the learning rate rises; 0.06 is RoBERTa's."""
    weight_decay: float = Field(default=0.01, ge=0)
    """AdamW's pull to zero on matrices; 0.01 is its paper's default."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    """Longer gradients are cut to this length; 1.0 is GPT-3's."""
    patience: int = Field(default=2, ge=1)
    """Evaluations without a better dev loss before stopping; the best weights are kept."""
    evals_per_epoch: int = Field(default=1, ge=1)
    """Evaluations on dev in each epoch."""
    max_seconds: float = Field(default=0.0, ge=0)
    """Stop after so much time, keeping the best weights; 0: no limit."""

    def arguments(self, num_examples: int, learning_rate: float) -> TrainingArguments:
        """Arguments of the training loop, in steps, for so many training examples."""
        epoch_steps = math.ceil(num_examples / self.batch_size)
        return TrainingArguments(
            num_steps=max(1, round(self.num_epochs * epoch_steps)),
            learning_rate=learning_rate,
            warmup_share=self.warmup_share,
            weight_decay=self.weight_decay,
            max_grad_norm=self.max_grad_norm,
            eval_every_steps=max(1, math.ceil(epoch_steps / self.evals_per_epoch)),
            patience=self.patience,
            max_spike=_ANY_SPIKE,
            max_seconds=self.max_seconds,
        )


_ANY_SPIKE = 1e9
"""No limit: small batches of answers differ in difficulty many times over."""
