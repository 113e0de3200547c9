"""Tokens give back the bytes of any text that they are made of."""

import pytest
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

from acclimate.core.errors import NotApplicableError
from acclimate.data.tokenizers.token_bytes import token_bytes

TEXT = "What is the café?\n\tNo 'é' here: 日本 \x00 <|end|>"


def joined(tokenizer, text):
    spelled = token_bytes(tokenizer)
    return b"".join(spelled[i] for i in tokenizer(text, add_special_tokens=False)["input_ids"])


def test_byte_level(tokenizer):
    assert joined(tokenizer, TEXT) == TEXT.replace("<|end|>", "").encode()
    own = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer)
    own.add_tokens(["café"])
    assert joined(own, TEXT).decode() in {TEXT, TEXT.replace("<|end|>", "")}


def test_sentence_piece_writes_blanks_and_bytes_its_own_way():
    pieces = [("<unk>", 0.0), ("▁", -2.0), ("▁the", -1.0), ("n", -2.0)]
    pieces += [(f"<0x{b:02X}>", -5.0) for b in range(256)]
    backend = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=True))
    backend.normalizer = normalizers.Replace(" ", "▁")
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    own = transformers.PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>")
    # It puts a blank before the first word.
    assert joined(own, "the né") == " the né".encode()


def test_word_pieces_are_refused():
    backend = Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
    own = transformers.PreTrainedTokenizerFast(tokenizer_object=backend)
    with pytest.raises(NotApplicableError, match="WordPiece"):
        token_bytes(own)
