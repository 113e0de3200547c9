"""Prefix tuning: trained keys and values before every prompt, in each layer."""

from typing import Any, ClassVar, cast

import torch
from pydantic import Field

from acclimate.core.domain import TrainData
from acclimate.core.model import Model
from acclimate.core.rewriter import unwrap
from acclimate.core.runtime.silence import silenced
from acclimate.nn.adapters.prefix import KeysValues, PrefixShape, flattened, read_text
from acclimate.nn.adapters.prefix_adapter import PrefixAdapter
from acclimate.nn.adapters.virtual_tokens import require_room, text_tokens
from acclimate.training.adapter_method import AdapterMethod
from acclimate.training.tuning_settings import TrainingSettings


class PrefixTuning(AdapterMethod):
    """P = MLP(P'), the keys and values of virtual tokens (Li and Liang 2021, section 4).

    The MLP is used in training alone; P is saved. An encoder-decoder has its prefix in the
    decoder's self-attention, as in PEFT.

    Differs: with a `text`, P is the text's own keys and values plus MLP(P'), which begins at zero,
    so that training starts from the text exactly.
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/2101.00190"

    num_virtual_tokens: int = Field(default=10, ge=1)
    """They take room in the context; 10 is the paper's best for table-to-text."""
    mlp_dim: int = Field(default=512, ge=0)
    """Width inside the MLP; 512 is the paper's for table-to-text. 0: P itself is learned."""
    text: str = ""
    """Words to begin from, at most as many tokens as virtual ones; few are used over again."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Peak; the paper's 5e-5 is for many thousand steps, and hardly moves a prefix in few."""
    training: TrainingSettings = TrainingSettings()
    """How long and how carefully."""

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Train a prefix on a copy of the network that shares its weights; drop its MLP."""
        tuned = super().fit(base, data, seed=seed)
        cast("Any", unwrap(tuned).core).adapter.prefix.settle()
        return tuned

    def put_on(self, network: Any, core: Any, data: TrainData) -> PrefixAdapter:
        """Put the prefix's keys and values before those of each layer."""
        require_room(self.num_virtual_tokens, core.window)
        ids = [0] * self.num_virtual_tokens  # any tokens: only the shape is used
        if self.text:
            ids = text_tokens(core.tokenizer, self.text, self.num_virtual_tokens)
        keys_values = read_text(network, ids)
        shape = PrefixShape.of(keys_values)
        start = flattened(keys_values) if self.text else torch.zeros_like(flattened(keys_values))
        return PrefixAdapter(network, KeysValues(start, shape, self._encoder(shape)))

    def _encoder(self, shape: PrefixShape) -> Any:
        with silenced():
            from peft import PrefixEncoder, PrefixTuningConfig

        config = PrefixTuningConfig(
            num_virtual_tokens=self.num_virtual_tokens,
            num_layers=shape.num_layers,
            token_dim=shape.num_heads * shape.head_dim,
            prefix_projection=self.mlp_dim > 0,
            encoder_hidden_size=self.mlp_dim,
            init_weights="zero" if self.text else None,
        )
        return PrefixEncoder(config)
