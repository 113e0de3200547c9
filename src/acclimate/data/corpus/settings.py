"""What a corpus is built by; published numbers name their source."""

from typing import Literal, Self

from pydantic import Field, model_validator

from acclimate.core.record import Record


class CorpusSettings(Record):
    """How documents are chosen and split.

    "Gopher" is Rae et al. 2021 (https://arxiv.org/abs/2112.11446), section A.1.1 and table A1;
    "C4" is Raffel et al. 2020 (https://jmlr.org/papers/v21/20-074.html), section 2.2.
    A corpus of one file that is one document (a text, a Markdown file, a page) is kept as it
    is: no quality rule applies, and it is cut by position, first train, then test, last dev.
    """

    seed: int = 0
    """Which documents go to which split."""
    dev_share: float = Field(default=0.01, ge=0, lt=1)
    """Share of the bytes kept for choosing and stopping, in whole documents, at least one; ours."""
    test_share: float = Field(default=0.01, ge=0, lt=1)
    """Share of the bytes kept for measuring, likewise; ours."""
    quality: Literal["auto", "web", "none"] = "auto"
    """Which rules drop lines and documents. `auto`: Gopher's for every document (all but
    `max_words`, which would drop books), and for HTML pages C4's that drop notices (JavaScript,
    cookies, terms of use) and placeholder text. `web`: all of both for every document, for crawled
    text with a paragraph on a line; drops headings, lists and code. `none`: no rule."""
    min_words: int = Field(default=50, ge=0)
    """Shorter documents are dropped; Gopher's."""
    max_words: int = Field(default=100_000, ge=1)
    """Longer documents are dropped, in `web` alone; Gopher's."""
    min_mean_word_chars: float = Field(default=3.0, ge=0)
    """Documents with shorter words on average are dropped; Gopher's."""
    max_mean_word_chars: float = Field(default=10.0, gt=0)
    """Documents with longer words on average are dropped; Gopher's."""
    max_symbol_share: float = Field(default=0.1, ge=0)
    """Hash signs, or ellipses, for each word, at most; Gopher's."""
    max_bullet_share: float = Field(default=0.9, ge=0, le=1)
    """Share of lines that begin with a bullet, at most; Gopher's."""
    max_ellipsis_share: float = Field(default=0.3, ge=0, le=1)
    """Share of lines that end in an ellipsis, at most; Gopher's."""
    min_alphabetic_share: float = Field(default=0.8, ge=0, le=1)
    """Share of words with a letter in them, at least; Gopher's."""
    min_stop_words: int = Field(default=2, ge=0, le=8)
    """How many of the, be, to, of, and, that, have, with must occur, each counted once; Gopher's.
    Other languages than English need 0."""
    max_repeated_share: float = Field(default=0.3, ge=0, le=1)
    """Share of lines, or of paragraphs, that stood before in the document, at most; Gopher's."""
    max_repeated_chars_share: float = Field(default=0.2, ge=0, le=1)
    """Share of the characters that are in such lines, or paragraphs, at most; Gopher's."""
    min_line_words: int = Field(default=5, ge=0)
    """Shorter lines are dropped, in `web` alone; C4's."""
    min_sentences: int = Field(default=3, ge=0)
    """Documents with fewer are dropped, in `web` alone; C4's."""
    near_duplicate: float = Field(default=0.8, ge=0.7, le=1)
    """Of documents that share this much of their 5-grams of words (Jaccard), one is kept; 0.8 as in
    Lee et al. 2022, "Deduplicating Training Data Makes Language Models Better". 95 % of the pairs
    at 0.8 are found, all but 1 in 10,000 of those at 0.9."""

    @model_validator(mode="after")
    def _leaves_some_to_train_on(self) -> Self:
        if self.dev_share + self.test_share >= 1:
            raise ValueError(
                f"dev_share={self.dev_share} and test_share={self.test_share} leave nothing to "
                "train on; their sum must be below 1"
            )
        return self
