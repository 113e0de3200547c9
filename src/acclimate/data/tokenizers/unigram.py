"""Unigram: the pieces that make the text most likely, and bytes for what is left."""

import json
from collections.abc import Iterable, Iterator

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from acclimate.data.tokenizers.settings import TokenizerSettings
from acclimate.data.tokenizers.special_tokens import UNKNOWN, check_room, special_tokens

VocabularyPiece = tuple[str, float]
"""A token and its log-probability, nats."""

BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
_NAMES = Regex(r"<(?=\||unk>|extra_id_|0x..>)")
"""Where the name of a special token or of a byte begins: cut in two, so that the model never
takes the name, written out in a text, for the token itself."""
_WORDS = Regex(r" ?\S+|\s+(?!\S)|\s+")
"""A word with the space before it. SentencePiece writes that space as ▁, after which a ▁ of
the text itself cannot be told from it; here it stays a space."""
_SPARE = 1.1
"""So many times the pieces wanted are learnt, and the likeliest kept: rare characters, each of
which the trainer keeps, then make room for pieces, for bytes can write them."""


def learn_unigram(texts: Iterable[str], settings: TokenizerSettings) -> Tokenizer:
    """Learn pieces by expectation maximisation and pruning (Kudo 2018, section 3.2).

    A character that is no piece is written in bytes, so every text comes back as it was.

    Raises:
        ConfigError: The vocabulary has no room for the text's characters beside 256 bytes.
    """
    check_room(settings, len(BYTES) + 1, "256 bytes and one piece")
    fixed = special_tokens(settings)
    num_pieces = settings.vocab_size - len(fixed) - len(BYTES)
    pieces = _likeliest(_learnt(texts, settings, num_pieces))[:num_pieces]
    # Names are cut, so the score of a token that has one is never looked at.
    vocabulary = [*((token, 0.0) for token in [*fixed, *BYTES]), *pieces]
    trained = Tokenizer(models.Unigram(vocabulary, fixed.index(UNKNOWN), byte_fallback=True))
    trained.pre_tokenizer = _splitter()
    trained.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    return trained


def _learnt(
    texts: Iterable[str], settings: TokenizerSettings, num_pieces: int
) -> list[VocabularyPiece]:
    trained = Tokenizer(models.Unigram())
    trained.pre_tokenizer = _splitter()
    size = round(num_pieces * _SPARE)
    trainer = trainers.UnigramTrainer(vocab_size=size, show_progress=False)
    seen: set[str] = set()
    try:
        trained.train_from_iterator(_noting(texts, seen), trainer)
    except Exception:  # the library has no class of its own for it
        if len(seen) > size:
            letters = f"256 bytes and the text's {len(seen)} characters"
            check_room(settings, len(BYTES) + len(seen), letters)
        raise
    return [(piece, score) for piece, score in json.loads(trained.to_str())["model"]["vocab"]]


def _noting(texts: Iterable[str], seen: set[str]) -> Iterator[str]:
    for text in texts:
        seen.update(text)
        yield text


def _likeliest(pieces: list[VocabularyPiece]) -> list[VocabularyPiece]:
    """In one order whenever the text is the same.

    The trainer sums in the order of a hash table, so the last digits differ from run to run, and
    characters it would have dropped get the lowest score and 0.0001 more each, in the same order.
    """
    lowest = min(score for _, score in pieces)
    num_letters = sum(len(piece) == 1 for piece, _ in pieces)
    kept_anyway = lowest + 1e-4 * (num_letters + 1)
    levelled = [
        (piece, round(lowest if len(piece) == 1 and score < kept_anyway else score, 4))
        for piece, score in pieces
    ]
    return sorted(levelled, key=lambda piece: (-piece[1], piece[0]))


def _splitter() -> pre_tokenizers.PreTokenizer:
    cuts = [pre_tokenizers.Split(pattern, "isolated") for pattern in (_NAMES, _WORDS)]
    return pre_tokenizers.Sequence(cuts)
