"""What is lost is found, told apart, and shown by the shortest example."""

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from acclimate.data.tokenizers.round_trip import RoundTripLoss, losses

ALPHABET = "abcdefghijklmnopqrstuvwxyzé ABCÉ\n.ﬁ\x07"


def normalising(*steps):
    """A tokenizer of characters that loses exactly what `steps` take away."""
    vocabulary = {char: i for i, char in enumerate(["<unk>", *ALPHABET])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.normalizer = normalizers.Sequence(list(steps))
    made.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    made.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>")


def found(tokenizer, *texts):
    return {loss.cause: loss for loss in losses(tokenizer, texts)}


@pytest.mark.parametrize(
    ("steps", "pair", "cause", "given_back"),
    [
        ([normalizers.Lowercase()], "Abc", "capitals become small", "abc"),
        ([normalizers.NFD(), normalizers.StripAccents()], "bé", "accents are dropped", "be"),
        ([normalizers.Replace("  ", " ")], "a  b", "spaces and line breaks change", "a b"),
        ([normalizers.Replace("\n", " ")], "a\nb", "spaces and line breaks change", "a b"),
        ([normalizers.Replace(Regex("^ "), "")], " a", "spaces and line breaks change", "a"),
        ([normalizers.Replace("\x07", "")], "a\x07b", "control characters are dropped", "ab"),
        ([normalizers.NFKC()], "ﬁn", "characters are written in another form (NFKC)", "fin"),
        ([normalizers.Replace("a", "b")], "ab", "something else changes", "bb"),
        ([], "a€b", "unknown characters are lost", "a<unk>b"),
    ],
)
def test_each_cause_by_itself(steps, pair, cause, given_back):
    num_pairs = len(pair.split())  # the last word is looked at by itself too, and comes back
    (loss,) = losses(normalising(*steps), [pair])
    assert loss == RoundTripLoss(
        cause=cause, example=pair, given_back=given_back, share=1 / num_pairs
    )


def test_causes_that_meet_are_told_apart():
    steps = [normalizers.Lowercase(), normalizers.NFD(), normalizers.StripAccents()]
    causes = found(normalising(*steps), "É b", "b É€")
    assert set(causes) == {
        "capitals become small", "accents are dropped", "unknown characters are lost",
    }  # fmt: skip
    assert causes["unknown characters are lost"].example == "É€"


def test_shares_are_of_the_pairs_of_words():
    # Pairs: "a B", "B c", "c a", "a": two of four have a capital; the shortest is shown.
    (loss,) = losses(normalising(normalizers.Lowercase()), ["a B c a"])
    assert (loss.share, loss.example, loss.given_back) == (0.5, "B c", "b c")
    assert str(loss) == "capitals become small: 'B c' comes back as 'b c' (50 % of word pairs)"


def test_nothing_is_lost_by_the_exact_kinds(trained):
    texts = ["  The Café\n\n☃ ", "ﬁ\x00 ▁ x"]
    assert losses(trained("byte_bpe"), texts) == ()
    assert losses(trained("unigram"), texts) == ()
    assert losses(normalising(), ["Abc  b\n"]) == ()


def test_wordpiece_says_what_it_loses(trained):
    causes = found(trained("wordpiece"), "The  Café", "a ☃")
    assert set(causes) == {
        "capitals become small",
        "accents are dropped",
        "spaces and line breaks change",
        "unknown characters are lost",
    }
    assert causes["unknown characters are lost"].given_back.endswith("[UNK]")


def test_characters_lose_the_unseen(trained):
    assert set(found(trained("characters"), "the ☃ dog")) == {"unknown characters are lost"}


def test_reading_ends_when_enough_was_seen(trained):
    read = []

    def texts():
        for i in range(100_000):
            read.append(i)
            yield " ".join(f"{i}w{j}" for j in range(500))

    assert losses(trained("byte_bpe"), texts()) == ()
    assert len(read) <= 41
