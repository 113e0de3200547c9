"""WordPiece: BERT's lower-case words and their parts; spacing is lost."""

from collections.abc import Iterable, Sequence

from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from acclimate.data.tokenizers.settings import TokenizerSettings
from acclimate.data.tokenizers.special_tokens import check_room, named_tokens, special_tokens

_PREFIX = "##"
"""Before a piece that does not begin a word."""


def learn_wordpiece(texts: Iterable[str], settings: TokenizerSettings) -> Tokenizer:
    """Learn pieces of words as BERT's uncased vocabulary has them (Devlin et al. 2019).

    Differs: pieces are merged by count, as in BPE, not by likelihood: Google's trainer was never
    published, and this is what `tokenizers` has in its place.

    Raises:
        ConfigError: The vocabulary has no room for the letters of the text.
    """
    all_texts = list(texts)
    letters = _vocabulary(all_texts, 0, ())
    check_room(
        settings, len(letters), f"the text's {len(letters)} letters (counted apart inside of words)"
    )
    # Letters inside of words get ids in the order of a hash table, and ties between merges are
    # broken by ids: told beforehand, they are the same in every run. Hence the first reading.
    inside = sorted(letter for letter in letters if letter.startswith(_PREFIX))
    first = [*special_tokens(settings), *inside]
    named = named_tokens(settings.kind)
    vocabulary = _vocabulary(all_texts, settings.vocab_size, first)
    trained = _blank(models.WordPiece(vocabulary, unk_token=named["unk_token"]))
    trained.decoder = decoders.WordPiece()
    begin, end = named["cls_token"], named["sep_token"]
    trained.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}",
        pair=f"{begin} $A {end} $B:1 {end}:1",
        special_tokens=[(token, vocabulary[token]) for token in (begin, end)],
    )
    return trained


def _vocabulary(texts: Iterable[str], size: int, first: Sequence[str]) -> dict[str, int]:
    trained = _blank(models.WordPiece())
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        special_tokens=list(first),
        continuing_subword_prefix=_PREFIX,
        show_progress=False,
    )
    trained.train_from_iterator(texts, trainer)
    return dict(trained.get_vocab())


def _blank(model: models.WordPiece) -> Tokenizer:
    blank = Tokenizer(model)
    blank.normalizer = normalizers.BertNormalizer(lowercase=True)
    blank.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return blank
