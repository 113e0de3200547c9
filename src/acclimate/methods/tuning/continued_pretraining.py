"""Continued pretraining on the domain's documents, by next-token prediction."""

from collections.abc import Iterable
from typing import Any, ClassVar

from pydantic import Field

from acclimate.core.domain import TrainData
from acclimate.core.errors import NotApplicableError
from acclimate.core.method import Method
from acclimate.core.model import Model
from acclimate.core.rewriter import Unwrapped, unwrap
from acclimate.training.finetune import Split, finetune
from acclimate.training.packing import TokenizedExample
from acclimate.training.retention.settings import Retention
from acclimate.training.text_windows import hold_out_documents, windows
from acclimate.training.tuning_settings import TrainingSettings


class ContinuedPretraining(Method):
    """Domain-adaptive pretraining (Gururangan et al. 2020, section 3), for a decoder.

    Differs: whole documents are held out by seed, and training stops early by their loss.
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/2004.10964"
    needs: ClassVar[frozenset[str]] = frozenset({"weights", "documents"})
    is_trained: ClassVar[bool] = True

    max_seq_len: int = Field(default=512, ge=2)
    """Tokens of a window, or the base's context where that is shorter; 512 is the paper's."""
    dev_share: float = Field(default=0.1, ge=0, lt=1)
    """Share of the documents that are held out, at least one of two; 0: none, and no early stop."""
    learning_rate: float = Field(default=1e-4, gt=0)
    """Peak; 1e-4 is the paper's where text is little (table 13)."""
    training: TrainingSettings = TrainingSettings()
    """How long and how carefully; its items are windows."""
    retention: Retention = Retention()
    """Settings against catastrophic forgetting; off by default."""

    @property
    def reads(self) -> tuple[str, ...]:
        """The files of replayed text."""
        return self.retention.reads

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Train a copy of all weights.

        Raises:
            NotApplicableError: The base is an encoder-decoder.
        """
        core: Any = unwrap(base).core
        if core.network.config.is_encoder_decoder:
            raise NotApplicableError(
                "continued_pretraining learns the next token of running text, which an "
                "encoder-decoder does not write; take a decoder as base, or tune this one on items"
            )
        train_documents, dev_documents = hold_out_documents(
            data.documents, self.dev_share, seed=seed
        )
        num_tokens = min(self.max_seq_len, core.window)

        def examples(
            _outside: Unwrapped, _data: TrainData, split: Split
        ) -> Iterable[TokenizedExample]:
            texts = [d.text for d in (train_documents if split == "train" else dev_documents)]
            return windows(texts, core.tokenizer, num_tokens)

        return finetune(
            base,
            data,
            self.retention.finetune_spec(examples, seed=seed),
            learning_rate=self.learning_rate,
            settings=self.training,
            seed=seed,
        )
