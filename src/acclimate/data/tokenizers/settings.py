"""What a tokenizer that is trained from scratch can be told."""

from typing import Any, Literal, get_args

from pydantic import Field, field_validator

from acclimate.core.errors import UnknownNameError
from acclimate.core.record import Record

TokenizerKind = Literal["byte_bpe", "unigram", "wordpiece", "characters"]


class TokenizerSettings(Record):
    """Which kind of vocabulary, and how large."""

    kind: TokenizerKind = "byte_bpe"
    """`byte_bpe` as GPT-2's and `unigram` as SentencePiece's give back every text; `wordpiece` as
    BERT's loses capitals, accents and spacing, `characters` the characters it has not seen."""
    vocab_size: int = Field(default=4096, ge=1)
    """At most so many tokens, special ones included; a short text gives fewer. 4096 is what
    llama2.c takes for models of up to some 30 million parameters, where a row more in the
    embedding costs more than a token more in the text."""
    max_seq_len: int = Field(default=1024, ge=1)
    """Context window of the model it is for, tokens (`model_max_length`); 1024 is GPT-2's."""
    num_sentinels: int = Field(default=0, ge=0)
    """`<extra_id_0>` and on, which stand for masked spans when an encoder-decoder is trained; T5
    has 100. With any, an encoded text ends in the end-of-text token, as T5's does."""

    @field_validator("kind", mode="before")
    @classmethod
    def _known(cls, kind: Any) -> Any:
        if kind not in get_args(TokenizerKind):
            raise ValueError(
                str(UnknownNameError("kind of tokenizer", str(kind), get_args(TokenizerKind)))
            )
        return kind


PROMISES: dict[TokenizerKind, str] = {
    "byte_bpe": "gives back every text exactly",
    "unigram": "gives back every text exactly",
    "wordpiece": "does not give back every text: capitals, accents, spacing and characters that "
    "were not in its text are lost",
    "characters": "gives back texts of the characters that were in its text; others are lost",
}
"""What becomes of a text that is encoded and decoded."""
