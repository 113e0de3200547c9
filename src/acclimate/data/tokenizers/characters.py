"""Characters: a token for each one seen; another one is lost."""

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from acclimate.data.tokenizers.chat_template import CHAT_LETTERS
from acclimate.data.tokenizers.settings import TokenizerSettings
from acclimate.data.tokenizers.special_tokens import UNKNOWN, check_room, special_tokens


def learn_characters(texts: Iterable[str], settings: TokenizerSettings) -> Tokenizer:
    """Number the characters (code points) of the text, and those that a chat's layout writes.

    Raises:
        ConfigError: The text has more characters than the vocabulary has room for.
    """
    seen = set(CHAT_LETTERS)
    for text in texts:
        seen.update(text)
    check_room(settings, len(seen), f"the text's {len(seen)} characters")
    tokens = [*special_tokens(settings), *sorted(seen)]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    trained = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    trained.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    trained.decoder = decoders.Fuse()
    return trained
