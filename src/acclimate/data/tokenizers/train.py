"""From raw text to a tokenizer in transformers' format, chat tokens included."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from tokenizers import Tokenizer, processors

from acclimate.core.errors import DataError
from acclimate.core.runtime.progress import progress
from acclimate.core.runtime.silence import silenced
from acclimate.data.tokenizers.byte_bpe import learn_byte_bpe
from acclimate.data.tokenizers.characters import learn_characters
from acclimate.data.tokenizers.chat_template import CHAT_TEMPLATE
from acclimate.data.tokenizers.settings import TokenizerKind, TokenizerSettings
from acclimate.data.tokenizers.special_tokens import (
    END_OF_TEXT,
    more_tokens,
    named_tokens,
    special_tokens,
)
from acclimate.data.tokenizers.unigram import learn_unigram
from acclimate.data.tokenizers.wordpiece import learn_wordpiece

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

LEARN: Mapping[TokenizerKind, Callable[[Iterable[str], TokenizerSettings], Tokenizer]] = {
    "byte_bpe": learn_byte_bpe,
    "unigram": learn_unigram,
    "wordpiece": learn_wordpiece,
    "characters": learn_characters,
}


def train_tokenizer(texts: Iterable[str], settings: TokenizerSettings) -> "PreTrainedTokenizerFast":
    """Train a tokenizer; the same texts and settings give the same one.

    A `byte_bpe` or `unigram` tokenizer gives back every text (any without half a surrogate pair)
    that it encodes. Where the name of a special token stands in a text, `<|endoftext|>` say, it
    becomes that token unless `split_special_tokens=True` is said when encoding.

    Args:
        texts: Read once, one at a time; for `wordpiece` they are kept in memory and read twice.
        settings: Kind and size.

    Raises:
        ConfigError: The vocabulary has no room for its alphabet and special tokens.
        DataError: There is no text.
    """
    with progress(f"training a tokenizer ({settings.kind})", 1) as advance:
        trained = LEARN[settings.kind](_not_blank(texts), settings)
        advance(1)
    trained.add_special_tokens(special_tokens(settings))
    if settings.num_sentinels and trained.post_processor is None:
        trained.post_processor = processors.TemplateProcessing(
            single=f"$A {END_OF_TEXT}",
            pair=f"$A {END_OF_TEXT} $B {END_OF_TEXT}",
            special_tokens=[(END_OF_TEXT, trained.token_to_id(END_OF_TEXT))],
        )
    return _wrapped(trained, settings)


def _wrapped(trained: Tokenizer, settings: TokenizerSettings) -> "PreTrainedTokenizerFast":
    with silenced():
        from transformers import PreTrainedTokenizerFast

    reads = ["input_ids", "attention_mask"]
    if settings.kind == "wordpiece":
        reads.insert(1, "token_type_ids")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=trained,
        model_max_length=settings.max_seq_len,
        model_input_names=reads,
        clean_up_tokenization_spaces=False,
        extra_special_tokens=more_tokens(settings),
        **named_tokens(settings.kind),
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def _not_blank(texts: Iterable[str]) -> Iterator[str]:
    is_blank = True
    for text in texts:
        is_blank = is_blank and not text.strip()
        yield text
    if is_blank:
        raise DataError("there is no text to train a tokenizer on; all that was given is blank")
