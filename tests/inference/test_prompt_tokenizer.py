"""Prompts become tokens once, and are cut where an answer needs the room."""

import copy

import pytest

from acclimate.core.errors import DataError
from acclimate.core.prompt import Example, Passage, Prompt
from acclimate.inference.prompt_tokenizer import PromptTokenizer

CHOICES = ["yes", "it is in the passage about answers", "no"]


@pytest.fixture
def layout(tokenizer):
    return PromptTokenizer(tokenizer, window=120)


def plainly(tokenizer, text, choice):
    """The tokens of the whole text after those of the prompt alone: the definition."""
    ids = tokenizer(text)["input_ids"]
    return ids, tokenizer(f"{text} {choice}")["input_ids"][len(ids) :]


def test_choices_together_equal_each_alone(layout, tokenizer):
    prompt = Prompt(question="where is it?")
    _, context, answers = layout.encode_choices(prompt, CHOICES)
    expected = [plainly(tokenizer, layout.text(prompt), choice) for choice in CHOICES]
    assert [(context, answer) for answer in answers] == expected


def test_a_space_at_the_end_goes_to_the_answer(layout, tokenizer):
    spaced = Prompt(question="", template="What is it? ")
    bare = Prompt(question="", template="What is it?")
    assert layout.encode(spaced, "this") == layout.encode(bare, "this")


def test_the_longest_choice_fits_after_what_is_cut(layout):
    long = Prompt(question="where?", passages=(Passage("d", "t", "the answer is here " * 60),))
    shown, context, answers = layout.encode_choices(long, CHOICES)
    assert len(context) + max(map(len, answers)) <= 120
    # No more is cut than must be: a token or two go with the word they belong to.
    assert len(context) + max(map(len, answers)) > 110
    assert layout.encode(shown)[0] == context


def test_what_is_learned_leaves_room_for_its_end(layout):
    long = Prompt(question="where?", passages=(Passage("d", "t", "the answer is here " * 60),))
    for length in range(1, 20):
        context, answer = layout.encode(long, "x" * length)
        assert len(context) + len(answer) < 120


def test_running_text_begins_after_a_mark_of_its_start_or_a_line_break(tokenizer):
    marked = copy.deepcopy(tokenizer)
    for bos, eos, start in (("<|pad|>", "<|end|>", "<|pad|>"), (None, "<|end|>", "<|end|>")):
        marked.bos_token, marked.eos_token = bos, eos
        context, _ = PromptTokenizer(marked, window=120).encode(
            Prompt("", template=""), "the answer"
        )
        assert context == [tokenizer.convert_tokens_to_ids(start)]
    marked.bos_token = marked.eos_token = None
    context, answer = PromptTokenizer(marked, window=120).encode(
        Prompt("", template=""), "the answer"
    )
    assert tokenizer.decode(context) == "\n"
    assert tokenizer.decode(answer).strip() == "the answer"


def test_examples_are_dropped_from_the_end_until_it_fits(layout):
    examples = tuple(Example(f"number {i}?", "the answer " * 5) for i in range(6))
    kept, ids = layout.fitted(Prompt(question="where?", examples=examples), 10)
    assert len(ids) <= 110
    assert 0 < len(kept.examples) < 6
    assert kept.examples == examples[: len(kept.examples)]


def test_a_question_is_never_cut(layout):
    with pytest.raises(DataError, match="item '7'"):
        layout.encode(Prompt(question="what? " * 200, item_id="7"), "yes")


def test_a_chat_model_that_thinks_by_itself_is_told_not_to(tokenizer):
    own = copy.deepcopy(tokenizer)
    own.chat_template = (
        "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
        "{% if enable_thinking is not defined or enable_thinking %}<think>{% endif %}"
    )
    assert PromptTokenizer(own, window=120).text(Prompt("where?")) == "<user>where?<assistant>"


def test_running_text_is_no_turn_of_a_chat(tokenizer):
    own = copy.deepcopy(tokenizer)
    own.chat_template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    text = Prompt("", template="")
    assert PromptTokenizer(own, 120).encode(text, "the sea") == PromptTokenizer(
        tokenizer, 120
    ).encode(text, "the sea")


def test_an_encoder_reads_something_of_an_empty_prompt(tokenizer):
    layout = PromptTokenizer(tokenizer, window=120, is_seq2seq=True)
    assert layout.encode(Prompt("", template=""))[0] == [tokenizer.eos_token_id]
