"""Spec of a pretraining: text, tokenizer, network and training arguments."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from acclimate.core.record import Record
from acclimate.data.corpus.settings import CorpusSettings
from acclimate.data.tokenizers.settings import TokenizerSettings
from acclimate.nn.architectures.build import OBJECTIVES, ModelSettings
from acclimate.training.arguments import TrainingArguments

TOKENS_A_PARAM = 20
"""Compute-optimal tokens a parameter (Hoffmann et al. 2022, table 3)."""
MIN_ROW_TOKENS = 8
"""Least length of a row: a shorter one holds no span to predict."""
_TOKENIZERS: Mapping[str, Mapping[str, Any]] = {
    "masked": {"kind": "wordpiece"},
    "spans": {"num_sentinels": 100},
}
"""Tokenizer settings that an objective needs: BERT's mask token, T5's hundred sentinels."""


class PretrainSpec(Record):
    """From raw text to a trained model: text, tokenizer, network, and how to train."""

    text: tuple[str, ...] = ()
    """Files and folders of text, Markdown, HTML, JSONL or Parquet, packed or not."""
    corpus: CorpusSettings = CorpusSettings()
    """What of the text is kept, and how it is split."""
    tokenizer: TokenizerSettings | str = TokenizerSettings()
    """The tokenizer to train on the text, or the folder or hub name of an existing one; by default
    of the kind that the network's family needs, and of its context window."""
    model: ModelSettings = ModelSettings()
    """The network."""
    training: TrainingArguments = TrainingArguments()
    """How to train; `num_steps` holds where `num_tokens` is 0."""
    num_tokens: float = Field(default=0, ge=0)
    """Tokens to train on; 0 with `num_steps` not given: 20 a parameter."""
    batch_size: int = Field(default=8, ge=1)
    """Rows of `row_tokens` an optimiser step, over all devices."""
    micro_batch_size: int = Field(default=0, ge=0)
    """Rows a pass on one device; 0: as many as make a pass of about 4,096 tokens."""
    row_tokens: int = Field(default=0, ge=0)
    """Length of the rows trained on, at least 8; 0: the context window."""
    seed: int = 0
    """Of first weights, order and dropout."""
    trackers: tuple[Literal["tensorboard", "mlflow", "trackio"], ...] = ()
    """Trackers that get the numbers besides journal.jsonl: tensorboard, mlflow, trackio."""
    prompts: tuple[str, ...] = ("The",)
    """Continued by networks that generate text, and shown at each evaluation."""

    @property
    def window_tokens(self) -> int:
        """Tokens of a row that the network reads."""
        return self.row_tokens or self.model.max_seq_len

    @model_validator(mode="before")
    @classmethod
    def _tokenizer_follows_the_model(cls, fields: Any) -> Any:
        if not isinstance(fields, Mapping):
            return fields
        model, tokenizer = fields.get("model", {}), fields.get("tokenizer", {})
        model_settings = model.model_dump() if isinstance(model, ModelSettings) else model
        if not isinstance(model_settings, Mapping) or not isinstance(tokenizer, Mapping):
            return fields
        needed = _TOKENIZERS.get(OBJECTIVES.get(str(model_settings.get("family")), ""), {})
        window = {k: v for k, v in model_settings.items() if k == "max_seq_len"}
        return {**fields, "tokenizer": {**window, **needed, **tokenizer}}

    @model_validator(mode="after")
    def _tokenizer_has_what_is_needed(self) -> Self:
        family, settings = self.model.family, self.tokenizer
        objective = OBJECTIVES[family]
        if isinstance(settings, str):
            return self
        if objective == "masked" and settings.kind != "wordpiece":
            raise ValueError(
                f"tokenizer.kind={settings.kind}: {family} learns with a mask token, which only "
                "wordpiece has"
            )
        if objective == "spans" and not settings.num_sentinels:
            raise ValueError(f"tokenizer.num_sentinels=0: {family} learns with some; it has 100")
        return self

    @model_validator(mode="after")
    def _rows_fit_the_window(self) -> Self:
        if 0 < self.row_tokens < MIN_ROW_TOKENS:
            raise ValueError(f"row_tokens={self.row_tokens}: must be 0, or at least 8")
        if self.row_tokens > self.model.max_seq_len:
            raise ValueError(
                f"row_tokens={self.row_tokens} is longer than the model's context window, "
                f"max_seq_len={self.model.max_seq_len}"
            )
        return self

    def arguments(self, num_params: int) -> TrainingArguments:
        """The training arguments with the steps counted, for a network of so many parameters."""
        if not self.num_tokens and "num_steps" in self.training.model_fields_set:
            return self.training
        num_tokens = self.num_tokens or TOKENS_A_PARAM * num_params
        num_steps = max(1, round(num_tokens / (self.batch_size * self.window_tokens)))
        return self.training.model_copy(update={"num_steps": num_steps})
