"""Adaptive tokenization: add the domain's long words as tokens, train their rows."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, field_validator

from acclimate.core.domain import TrainData
from acclimate.core.errors import ConfigError, DataError, NotApplicableError
from acclimate.core.method import Method
from acclimate.core.model import Model, NeuralModel
from acclimate.core.rewriter import unwrap
from acclimate.core.runtime.fit_log import log_value
from acclimate.data.tokenizers.fertility import fertility
from acclimate.data.tokenizers.long_words import long_words, words_between_spaces
from acclimate.data.tokenizers.new_tokens import known_words, with_words
from acclimate.evaluation.bits_per_byte import PIECE_CHARS, bits_per_byte
from acclimate.nn.adapters.embedding_rows import add_means, make_rows_trainable
from acclimate.training.finetune import FinetuneSpec, Split, finetune
from acclimate.training.packing import TokenizedExample
from acclimate.training.text_windows import hold_out_documents, windows
from acclimate.training.tuning_settings import TrainingSettings

HELD_OUT_CHARS = 60_000
"""Of the held-out documents, what fertility and bits per byte are measured on."""


class DomainTokens(Method):
    """Adds words as tokens, each from the mean of its pieces (Sachidananda et al. 2021).

    Follow it with another method (`domain_tokens + continued_pretraining`) to let the other
    weights learn too.

    Differs: words are chosen by the tokens they save, not by how their use departs from general
    text; the old rows and layers stay as they are.
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/2109.07460"
    needs: ClassVar[frozenset[str]] = frozenset({"weights", "documents"})
    is_trained: ClassVar[bool] = True

    descriptions: dict[str, str] = {}
    """New word → what it is, in words that the base knows: its rows begin as the mean of theirs
    instead of its own pieces'."""
    num_tokens: int = Field(default=256, ge=1)
    """Words that are chosen, at most; each has one token with the space before it and one without.
    The paper adds 10,000, to a base and documents far larger."""
    min_count: int = Field(default=5, ge=1)
    """Words that are rarer in the documents are not chosen; 5 is word2vec's."""
    tokens: tuple[str, ...] = ()
    """The words, instead of choosing; or the path of a text file with one a line."""
    max_seq_len: int = Field(default=256, ge=8)
    """Tokens of a training window, or the base's context where that is shorter."""
    dev_share: float = Field(default=0.1, gt=0, lt=1)
    """Share of the documents that are held out, at least one of two: for early stopping, and to
    measure what the tokens bring."""
    learning_rate: float = Field(default=1e-2, gt=0)
    """Peak; few weights learn, so it may be high: of 0.0001 to 0.03 it does best on the small base
    that comes with this library."""
    training: TrainingSettings = TrainingSettings()
    """How long and how carefully; its items are windows that hold a new token."""

    @field_validator("tokens", mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return tuple(Path(value).read_text(encoding="utf-8").split("\n"))
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or error
            raise ValueError(f"cannot be read ({why}); name a text file, or list words") from None

    @field_validator("tokens")
    @classmethod
    def _once(cls, tokens: tuple[str, ...]) -> tuple[str, ...]:
        words = tuple(dict.fromkeys(word for token in tokens if (word := token.strip())))
        if tokens and not words:
            raise ValueError("holds no word; list some, or leave it out to have them chosen")
        return words

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """Train the new rows of a copy on the documents.

        Raises:
            DataError: There is no word to add, or none of the documents holds one.
            ConfigError: A word is a token already, or tokenizer and network do not fit.
            NotApplicableError: The base is an encoder-decoder, or gives no text back.
        """
        core: Any = unwrap(base).core
        _check(core)
        train_documents, dev_documents = hold_out_documents(
            data.documents, self.dev_share, seed=seed
        )
        larger, new, write = self._larger(core, [d.text for d in train_documents])
        num_tokens = min(self.max_seq_len, core.window)

        def examples(_outside: Any, _data: Any, split: Split) -> list[TokenizedExample]:
            texts = [d.text for d in (train_documents if split == "train" else dev_documents)]
            cut = windows(texts, larger.tokenizer, num_tokens)
            return [window for window in cut if not new.isdisjoint(window.answer)]

        if not (train_windows := examples(None, None, "train")):
            raise DataError(
                f"domain_tokens: none of {len(train_documents)} documents holds any of `tokens`"
            )
        log_value("training windows that hold a new token", len(train_windows))
        tuned = finetune(
            base,
            data,
            FinetuneSpec(lambda _core: larger, examples, on_finish=lambda _network: write),
            learning_rate=self.learning_rate,
            settings=self.training,
            seed=seed,
        )
        _log_held_out(core, larger, [d.text for d in dev_documents])
        return tuned

    def _larger(
        self, core: Any, texts: Sequence[str]
    ) -> tuple[NeuralModel, frozenset[int], Callable[[], None]]:
        """A copy with the new tokens, their ids, and the call that ends their training."""
        words = self.tokens or self._frequent_words(core.tokenizer, texts)
        if known := known_words(core.tokenizer, self.tokens):
            raise ConfigError(
                f"domain_tokens: {', '.join(known[:5])} {'is' if len(known) == 1 else 'are'} one "
                "token already; take what is known out of `tokens`"
            )
        longer = [word for text in texts for word in words_between_spaces(text)]
        tokenizer, pieces = with_words(core.tokenizer, words, longer)
        network = core.owned_copy()
        add_means(network, pieces | self._described(tokenizer, words, pieces))
        write = make_rows_trainable(network, sorted(pieces))
        forms = {tokenizer.decode([token]).strip() for token in pieces}
        log_value("words that got tokens of their own", len(forms))
        log_value("the first of them", ", ".join(sorted(forms)[:20]))
        log_value("new tokens, with and without the space before", len(pieces))
        larger = replace(core.with_network(network), tokenizer=tokenizer)
        return larger, frozenset(pieces), write

    def _described(
        self, tokenizer: Any, words: Sequence[str], new: Iterable[int]
    ) -> dict[int, list[int]]:
        """New tokens with a description → the tokens of that.

        Raises:
            ConfigError: What is described is no new word.
        """
        if strange := sorted(set(self.descriptions) - set(words)):
            raise ConfigError(
                f"domain_tokens: descriptions: '{strange[0]}' is none of the new words; name it in "
                "`tokens` too"
            )
        words_of = {token: tokenizer.decode([token]).strip() for token in new}
        return {
            token: tokenizer(self.descriptions[word], add_special_tokens=False)["input_ids"]
            for token, word in words_of.items()
            if word in self.descriptions
        }

    def _frequent_words(self, tokenizer: Any, texts: Sequence[str]) -> list[str]:
        counts = long_words(tokenizer, texts, self.num_tokens, self.min_count)
        if not counts:
            raise DataError(
                f"domain_tokens: no word that is more than one token is met {self.min_count} times "
                "in the documents; give more of them, lower min_count, or list words in `tokens`"
            )
        return [word for word, _ in counts]


def _check(core: Any) -> None:
    if core.network.config.is_encoder_decoder:
        raise NotApplicableError(
            "domain_tokens learns new tokens from running text, which an encoder-decoder does not "
            "write; take a decoder as base"
        )
    size, rows = len(core.tokenizer), core.network.get_input_embeddings().weight.shape[0]
    if size > rows:
        raise ConfigError(
            f"the tokenizer has {size:,} tokens and the network rows for {rows:,}: one was changed "
            "without the other, and new tokens would not fit; load the two that belong together"
        )


def _log_held_out(before: Any, after: Any, texts: Sequence[str]) -> None:
    """Log fertility and bits per byte on held-out text, before and after."""
    # A character is at most four tokens, of bytes.
    chars = min(PIECE_CHARS, before.window // 4)
    text = "\n\n".join(texts)[:HELD_OUT_CHARS]
    for when, model in (("before", before), ("after", after)):
        if text.split():
            sizes = fertility(model.tokenizer, [text])
            log_value(f"tokens a word, held-out documents, {when}", sizes.tokens_per_word)
            log_value(
                f"bits per byte, held-out documents, {when}", bits_per_byte(model, [text], chars)
            )
        else:
            log_value(f"held-out documents, {when}", "none: there is only one document")
