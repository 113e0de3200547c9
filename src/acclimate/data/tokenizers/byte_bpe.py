"""Byte-level BPE: pairs of bytes that often stand together become tokens."""

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from acclimate.data.tokenizers.settings import TokenizerSettings
from acclimate.data.tokenizers.special_tokens import check_room, special_tokens

NUM_BYTES = 256


def learn_byte_bpe(texts: Iterable[str], settings: TokenizerSettings) -> Tokenizer:
    """Learn merges as GPT-2 does (Radford et al. 2019), within words of its pattern.

    Every byte is a token, so every text can be written, and comes back as it was.

    Raises:
        ConfigError: The vocabulary has no room for 256 bytes.
    """
    check_room(settings, NUM_BYTES, f"{NUM_BYTES} bytes")
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=settings.vocab_size,
        special_tokens=special_tokens(settings),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    trained.train_from_iterator(texts, trainer)
    return trained
