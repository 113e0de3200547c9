"""The tokens that stand for no text."""

from acclimate.core.errors import ConfigError
from acclimate.data.tokenizers.chat_template import CHAT_TOKENS
from acclimate.data.tokenizers.settings import TokenizerKind, TokenizerSettings

END_OF_TEXT, PAD, UNKNOWN = "<|endoftext|>", "<|pad|>", "<unk>"


def named_tokens(kind: TokenizerKind) -> dict[str, str]:
    """Special tokens by the names that transformers has for them; an unknown one where needed."""
    named = {"eos_token": END_OF_TEXT, "pad_token": PAD}
    if kind == "wordpiece":  # BERT's names
        named |= {"pad_token": "[PAD]", "unk_token": "[UNK]"}
        named |= {"cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    elif kind != "byte_bpe":
        named["unk_token"] = UNKNOWN
    return named


def more_tokens(settings: TokenizerSettings) -> list[str]:
    """Special tokens that transformers has no name for: of chats, and sentinels."""
    return [*CHAT_TOKENS, *(f"<extra_id_{i}>" for i in range(settings.num_sentinels))]


def special_tokens(settings: TokenizerSettings) -> list[str]:
    """Every special token; its place is its id."""
    return [*named_tokens(settings.kind).values(), *more_tokens(settings)]


def check_room(settings: TokenizerSettings, num_letters: int, letters: str) -> None:
    """Refuse a vocabulary that has no room for its alphabet.

    Args:
        settings: With the size asked for.
        num_letters: Tokens that are needed beside the special ones.
        letters: What they are, with their number.

    Raises:
        ConfigError: There is no room; the message gives the least size.
    """
    num_special = len(special_tokens(settings))
    least = num_special + num_letters
    if settings.vocab_size < least:
        raise ConfigError(
            f"{settings.kind}: vocab_size={settings.vocab_size}, must be at least {least}: "
            f"{num_special} special tokens, {letters}"
        )
