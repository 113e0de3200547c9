"""Prompt tuning: trained embeddings of virtual tokens before every prompt."""

from typing import Any, ClassVar

import torch
from pydantic import Field

from acclimate.core.domain import TrainData
from acclimate.nn.adapters.prefix_adapter import PrefixAdapter
from acclimate.nn.adapters.virtual_tokens import (
    VirtualTokens,
    embed_tokens,
    require_room,
    text_tokens,
)
from acclimate.training.adapter_method import AdapterMethod
from acclimate.training.tuning_settings import TrainingSettings


class PromptTuning(AdapterMethod):
    """The network reads [P; X] where P is learned (Lester et al. 2021, section 2).

    An encoder-decoder's encoder reads P.

    Differs: AdamW, not Adafactor.
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/2104.08691"

    num_virtual_tokens: int = Field(default=20, ge=1)
    """They take room in the context; the paper finds little gain beyond 20."""
    text: str = ""
    """Words whose embeddings to begin from, at most as many tokens as virtual ones; few are used
    over again. None: tokens of the vocabulary, drawn at random."""
    learning_rate: float = Field(default=3e-2, gt=0)
    """Peak; that of PEFT's guide (the paper's 0.3 is Adafactor's)."""
    training: TrainingSettings = TrainingSettings()
    """How long and how carefully."""

    def put_on(self, network: Any, core: Any, data: TrainData) -> PrefixAdapter:
        """Put the virtual tokens before the network's input embeddings."""
        require_room(self.num_virtual_tokens, core.window)
        if self.text:
            ids = text_tokens(core.tokenizer, self.text, self.num_virtual_tokens)
        else:
            ids = torch.randint(len(core.tokenizer), (self.num_virtual_tokens,)).tolist()
        return PrefixAdapter(network, VirtualTokens(embed_tokens(network, ids)))
