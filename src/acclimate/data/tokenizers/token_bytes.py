"""The bytes that each token of a vocabulary stands for."""

import json
import re
from functools import cache
from typing import Any

from acclimate.core.errors import NotApplicableError

_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
"""How SentencePiece writes a byte that no token covers."""
_BLANK = "▁"
"""How it writes a blank."""


def token_bytes(tokenizer: Any) -> list[bytes]:
    """Of every token by its id; none for special tokens, which stand for no text.

    Raises:
        NotApplicableError: What a token says depends on those around it (WordPiece).
    """
    kinds = _kinds(json.loads(tokenizer.backend_tokenizer.to_str()))
    if "WordPiece" in kinds:
        raise NotApplicableError(
            "a WordPiece vocabulary does not say which bytes its tokens stand for; take a member "
            "with a byte-level or SentencePiece vocabulary, or use output_vote"
        )
    spelled = _byte_level if "ByteLevel" in kinds else _sentence_piece
    vocabulary, added = tokenizer.get_vocab(), tokenizer.added_tokens_decoder
    spelled_bytes = [b""] * (max(vocabulary.values()) + 1)
    for token, number in vocabulary.items():
        if number not in added:
            spelled_bytes[number] = spelled(token)
        elif not added[number].special:
            spelled_bytes[number] = token.encode()
    return spelled_bytes


def _kinds(written: Any) -> set[str]:
    """Every `type` of the parts that a tokenizer is made of, its vocabulary aside."""
    parts = [written["model"].get("type"), written["decoder"], written["pre_tokenizer"]]
    return set(re.findall(r'"type": "(\w+)"', json.dumps(parts))) | {str(parts[0])}


def _byte_level(token: str) -> bytes:
    alphabet = _alphabet()
    return bytes(alphabet[character] for character in token)


@cache
def _alphabet() -> dict[str, int]:
    """Character → the byte it stands for (Radford et al. 2019): printable ones are themselves."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(others)}


def _sentence_piece(token: str) -> bytes:
    byte = _BYTE.fullmatch(token)
    return bytes([int(byte[1], 16)]) if byte else token.replace(_BLANK, " ").encode()
