"""Items as what is read and what is learned; dialogues whole, or a turn at a time."""

import copy
from dataclasses import replace

import pytest

from acclimate.core.prompt import Example as Shown
from acclimate.core.prompt import Passage, Prompt, Turn
from acclimate.data.tokenizers.chat_template import CHAT_TEMPLATE
from acclimate.training.examples import encode_pairs

TALK = (
    Turn("system", "Be brief."),
    Turn("user", "one?"),
    Turn("assistant", "the answer"),
    Turn("user", "two?"),
)
PROMPT = Prompt("all in one text", turns=TALK)
FORGETS = (
    "{% for m in messages %}[{{ m.role }}]"
    "{% if m.role == 'assistant' and not loop.last %}…{% else %}{{ m.content }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}"
)
"""Writes answers of the past otherwise than the last."""


@pytest.fixture
def chat(tiny):
    return with_template(tiny, CHAT_TEMPLATE)


def with_template(base, template):
    tokenizer = copy.deepcopy(base.tokenizer)
    tokenizer.chat_template = template
    return replace(base, tokenizer=tokenizer)


def runs(core, prompt, target="is in"):
    """Each example as texts, learned ones in brackets."""
    (found,) = encode_pairs(core, [(prompt, target)])
    for example in found:
        ids = [*example.prompt, *example.answer]
        on = [False] * len(example.prompt) + list(example.is_learned)
        yield [core.tokenizer.decode([i for i, o in zip(ids, on, strict=True) if o]),
               core.tokenizer.decode(ids)]  # fmt: skip


def test_a_plain_question_is_its_answer_and_the_end(tiny):
    ((learned, whole),) = runs(tiny, Prompt("one?"))
    assert learned == " is in<|end|>"
    assert whole == "Question: one?\nAnswer: is in<|end|>"


def test_without_a_template_a_dialogue_is_one_text(tiny):
    ((learned, whole),) = runs(tiny, PROMPT)
    assert learned == " is in<|end|>"
    assert "all in one text" in whole


def test_each_answer_of_a_dialogue_is_learned(chat):
    chat.tokenizer.add_tokens(["<|im_start|>", "<|im_end|>"], special_tokens=True)
    end = chat.tokenizer.convert_tokens_to_ids("<|im_end|>")
    network = copy.deepcopy(chat.network)
    network.generation_config.eos_token_id = [0, end]
    ((learned, whole),) = runs(replace(chat, network=network), PROMPT)
    assert learned == "the answer<|im_end|>is in<|im_end|>"
    assert whole == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\none?<|im_end|>\n"
        "<|im_start|>assistant\nthe answer<|im_end|>\n<|im_start|>user\ntwo?<|im_end|>\n"
        "<|im_start|>assistant\nis in<|im_end|>"
    )


def test_where_the_model_stops_elsewhere_than_the_template_each_is_learned_alone(chat):
    found = [learned for learned, _ in runs(chat, PROMPT)]
    assert found == ["the answer<|end|>", "is in<|end|>"]


def test_where_the_past_is_written_otherwise_each_answer_is_learned_alone(tiny):
    found = list(runs(with_template(tiny, FORGETS), PROMPT))
    assert found == [
        ["the answer<|end|>", "[system]Be brief.[user]one?[assistant]the answer<|end|>"],
        [
            "is in<|end|>",
            "[system]Be brief.[user]one?[assistant]…[user]two?[assistant]is in<|end|>",
        ],
    ]


def test_what_methods_put_around_it_stands_around_the_last_question(chat):
    passage = Passage("d", "Page", "The passage.")
    shown = PROMPT.with_parts(
        passages=(passage,), examples=(Shown("zero?", "none"),), answer_prefix="Well,"
    )
    found = list(runs(chat, shown))
    text = found[-1][1]
    assert text.index("zero?") < text.index("one?") < text.index("The passage.")
    assert text.index("The passage.") < text.index("two?") < text.index("Well, is in")
    assert "none" not in "".join(learned for learned, _ in found)
