"""Training: sizes, special tokens, chats, the same twice, and what cannot be."""

import json
import subprocess
import sys

import pytest

from acclimate.core.errors import ConfigError, DataError
from acclimate.core.runtime.progress import report_progress_to
from acclimate.data.tokenizers.settings import TokenizerSettings
from acclimate.data.tokenizers.train import LEARN, train_tokenizer

KINDS = sorted(LEARN)
TEXTS = [f"The reader number {i} reads the letter that the writer wrote." for i in range(20)]
NUM_SPECIAL = {"byte_bpe": 4, "unigram": 5, "wordpiece": 8, "characters": 5}
"""End of text, padding and two of chats; unknown; and BERT's three."""


@pytest.mark.parametrize("kind", KINDS)
def test_special_tokens_come_first_and_are_named(trained, kind):
    tokenizer = trained(kind)
    ids = {tokenizer.eos_token_id, tokenizer.pad_token_id, *tokenizer.all_special_ids}
    assert ids == set(range(NUM_SPECIAL[kind]))
    assert tokenizer.eos_token == "<|endoftext|>"
    assert tokenizer.pad_token_id != tokenizer.eos_token_id
    assert (tokenizer.unk_token_id is None) == (kind == "byte_bpe")
    assert (tokenizer.mask_token is not None) == (kind == "wordpiece")
    assert tokenizer.model_max_length == 77


@pytest.mark.parametrize("kind", KINDS)
def test_special_tokens_are_found_in_a_text_and_left_out_of_it(trained, kind):
    tokenizer = trained(kind)
    text = "the dog<|im_end|>the dog"
    (end,) = tokenizer.convert_tokens_to_ids(["<|im_end|>"])
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert ids.count(end) == 1
    assert "<|im_end|>" not in tokenizer.decode(ids, skip_special_tokens=True)
    assert end not in tokenizer(text, split_special_tokens=True)["input_ids"]


@pytest.mark.parametrize("kind", ["byte_bpe", "unigram", "characters"])
def test_a_chat_is_laid_out_as_chatml(trained, kind):
    chat = [
        {"role": "system", "content": "the dog reads"},
        {"role": "user", "content": "who mind the dog"},
        {"role": "assistant", "content": "The dog."},
    ]
    tokenizer = trained(kind)
    begin, end = tokenizer.convert_tokens_to_ids(["<|im_start|>", "<|im_end|>"])
    said = "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in chat)
    assert tokenizer.apply_chat_template(chat, tokenize=False) == said
    asked = tokenizer.apply_chat_template(chat[:2], tokenize=False, add_generation_prompt=True)
    assert asked == said[: said.index("The dog.")]
    ids = tokenizer(said)["input_ids"]
    assert (ids.count(begin), ids.count(end)) == (3, 3)
    assert tokenizer.decode(ids) == said


def test_sentinels_follow_and_a_text_then_ends():
    settings = TokenizerSettings(vocab_size=400, num_sentinels=100)
    tokenizer = train_tokenizer(TEXTS, settings)
    names = [f"<extra_id_{i}>" for i in range(100)]
    assert tokenizer.convert_tokens_to_ids(names) == list(range(4, 104))
    ids = tokenizer("a <extra_id_0> b <extra_id_99>")["input_ids"]
    assert [i for i in ids if i < 104] == [4, 103, tokenizer.eos_token_id]
    # As T5's own tokenizer does, and as no decoder's does.
    assert ids[-1] == tokenizer.eos_token_id
    assert train_tokenizer(TEXTS, TokenizerSettings(vocab_size=300))("a")["input_ids"][-1] != 0


def test_wordpiece_stands_between_its_tokens(trained):
    tokenizer = trained("wordpiece")
    encoded = tokenizer("the dog", "the fox")
    named = tokenizer.convert_ids_to_tokens(encoded["input_ids"])
    assert [n for n in named if n.startswith("[")] == ["[CLS]", "[SEP]", "[SEP]"]
    assert named[0] == "[CLS]"
    border = named.index("[SEP]") + 1
    num_second = len(named) - border
    assert encoded["token_type_ids"] == [0] * border + [1] * num_second


@pytest.mark.parametrize("kind", KINDS)
def test_the_vocabulary_is_no_larger_than_told(trained, kind):
    tokenizer = trained(kind)
    assert sorted(tokenizer.get_vocab().values()) == list(range(len(tokenizer)))
    # Without merges to be had, or pieces, a vocabulary is smaller.
    assert len(tokenizer) == {"byte_bpe": 330, "unigram": 330}.get(kind, len(tokenizer)) <= 330


def test_characters_are_those_of_the_text():
    tokenizer = train_tokenizer(["héllo wörld", "z"], TokenizerSettings(kind="characters"))
    chat = set("system user assistant\n")
    expected = sorted(set("héllo wörldz") | chat)
    assert tokenizer.convert_ids_to_tokens(range(5, len(tokenizer))) == expected


def test_merges_are_those_done_by_hand():
    # "ab" stands 6 times and "cd" 4; then "abcd" 3 times. 4 special tokens, 256 bytes, 3 merges.
    settings = TokenizerSettings(vocab_size=4 + 256 + 3)
    tokenizer = train_tokenizer(["abcd"] * 3 + ["ab"] * 3 + ["cd"], settings)
    assert tokenizer.convert_ids_to_tokens([260, 261, 262]) == ["ab", "cd", "abcd"]


SCRIPT = """
import hashlib, sys
from itertools import product
from acclimate.data.tokenizers.settings import TokenizerSettings
from acclimate.data.tokenizers.train import LEARN, train_tokenizer
odd = "{0} {1} {2} reads{1} the quixotic {0}s JAZZ"
texts = [odd.format(w, i * i, w[::-1]) for i in range(60) for w in sys.argv[1:]]
for kind, size in product(sorted(LEARN), (380, 5000)):
    made = train_tokenizer(texts, TokenizerSettings(kind=kind, vocab_size=size))
    print(kind, hashlib.sha256(made.backend_tokenizer.to_str().encode()).hexdigest())
"""


def test_the_same_text_gives_the_same_tokenizer_in_every_process():
    """Words that occur equally often abound here: their ties must always fall the same way."""
    command = [sys.executable, "-c", SCRIPT, "lantern", "harbour", "meadow", "gravel", "thistle"]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    first, second = (run.communicate()[0].splitlines() for run in runs)
    assert len(first) == 2 * len(KINDS)
    assert first == second


@pytest.mark.parametrize("kind", KINDS)
def test_a_generator_is_read_as_a_list_is(kind):
    settings = TokenizerSettings(kind=kind, vocab_size=350)
    one, other = train_tokenizer(TEXTS, settings), train_tokenizer(iter(TEXTS), settings)
    assert one.get_vocab() == other.get_vocab()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("texts", [[], [""], ["  ", "\n\n"]])
def test_no_text_is_refused(kind, texts):
    with pytest.raises(
        DataError, match="no text to train a tokenizer on; all that was given is blank"
    ):
        train_tokenizer(texts, TokenizerSettings(kind=kind))


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_reader_complains_of_is_said_unchanged(kind):
    def texts():
        yield "some words"
        raise DataError("a.txt, line 2: is not UTF-8")

    with pytest.raises(DataError, match=r"^a\.txt, line 2: is not UTF-8$"):
        train_tokenizer(texts(), TokenizerSettings(kind=kind))


@pytest.mark.parametrize(
    ("kind", "size", "said"),
    [
        ("byte_bpe", 259, "byte_bpe: vocab_size=259, must be at least 260: 4 special tokens, 256"),
        ("unigram", 261, "unigram: vocab_size=261, must be at least 262: 5 special tokens, 256"),
        ("characters", 31, "characters: vocab_size=31, must be at least 42: .* the text's 37 char"),
        # a to z, and all but the first also inside of words.
        ("wordpiece", 58, "wordpiece: vocab_size=58, must be at least 59: 8 special .* 51 letters"),
    ],
)
def test_a_vocabulary_without_room_is_refused(kind, size, said):
    text = "abcdefghijklmnopqrstuvwxyz"
    if kind == "characters":
        text += "0123456789"[: 37 - 26 - 2]  # and the chat's space and line break
    with pytest.raises(ConfigError, match=said):
        train_tokenizer([text] * 3, TokenizerSettings(kind=kind, vocab_size=size))


def test_unigram_wants_room_for_every_character():
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 200)))
    with pytest.raises(ConfigError, match=r"must be at least 461: .* the text's 200 characters"):
        train_tokenizer([text], TokenizerSettings(kind="unigram", vocab_size=300))


def test_one_byte_more_than_the_least_is_enough():
    assert len(train_tokenizer(["word"], TokenizerSettings(vocab_size=260))) == 260


def test_training_is_shown():
    labels = []

    def listener(label, total):
        labels.append((label, total))
        return _Bar()

    class _Bar:
        def __enter__(self):
            return labels.append

        def __exit__(self, *_):
            return None

    with report_progress_to(listener):
        train_tokenizer(TEXTS, TokenizerSettings(vocab_size=280))
    assert labels == [("training a tokenizer (byte_bpe)", 1), 1]


def test_no_end_of_the_text_is_special_in_the_file(trained):
    """Every special token is marked so, which engines without transformers go by."""
    about = json.loads(trained("unigram").backend_tokenizer.to_str())
    assert [t["content"] for t in about["added_tokens"]] == [
        "<|endoftext|>", "<|pad|>", "<unk>", "<|im_start|>", "<|im_end|>",
    ]  # fmt: skip
    assert all(t["special"] and not t["normalized"] for t in about["added_tokens"])
