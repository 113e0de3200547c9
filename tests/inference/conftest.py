"""A vocabulary that writes blanks and bytes as SentencePiece does."""

import pytest
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers


@pytest.fixture(scope="session")
def sentence_piece():
    """Byte-pair encoding with single bytes, as Llama 2 and Mistral have it; `</s>` ends a text."""
    merges = [("▁", "y"), ("e", "s"), ("n", "o"), ("▁y", "es"), ("▁", "no"), ("▁", "▁")]
    names = ["<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *"▁yesnoab.é"]
    names += [first + second for first, second in merges]
    vocabulary = {name: i for i, name in enumerate(dict.fromkeys(names))}
    backend = Tokenizer(models.BPE(vocabulary, merges, byte_fallback=True))
    backend.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    blanks, strip = decoders.Replace("▁", " "), decoders.Strip(" ", 1, 0)
    backend.decoder = decoders.Sequence([blanks, decoders.ByteFallback(), decoders.Fuse(), strip])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", eos_token="</s>"
    )
