"""Which tokens end a turn and an answer, for templates of several families."""

import copy
from types import SimpleNamespace

import pytest

from acclimate.data.tokenizers.chat_template import (
    CHAT_TEMPLATE,
    end_of_turn,
    ending,
    stop_ids,
    with_chat_template,
)

TEMPLATES = {
    "chatml": (CHAT_TEMPLATE, "<|im_end|>"),
    "llama 2": (
        "{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
        "{% else %} {{ m.content }} {{ eos_token }}{% endif %}{% endfor %}",
        "<|end|>",
    ),
    "alpaca": ("{% for m in messages %}### {{ m.role }}:\n{{ m.content }}\n\n{% endfor %}", None),
    "refuses": ("{{ raise_exception('only one turn') }}", None),
}


def network(stops, *, is_seq2seq=False):
    return SimpleNamespace(
        generation_config=SimpleNamespace(eos_token_id=stops),
        config=SimpleNamespace(is_encoder_decoder=is_seq2seq),
    )


@pytest.mark.parametrize("family", TEMPLATES)
def test_what_a_template_writes_after_an_answer(family, tokenizer):
    own = with_chat_template(tokenizer)
    own.chat_template, end = TEMPLATES[family]
    assert end_of_turn(own) == (own.convert_tokens_to_ids(end) if end else None)


def test_a_tokenizer_without_a_template_gets_chatml_and_stays(tokenizer):
    own = with_chat_template(tokenizer)
    assert own.chat_template == CHAT_TEMPLATE
    assert len(own) == len(tokenizer) + 2
    assert tokenizer.chat_template is None
    assert end_of_turn(tokenizer) is None
    # A token of its own: one id, never split, and no part of what is said.
    (end,) = own("<|im_end|>")["input_ids"]
    assert own.decode([end], skip_special_tokens=True) == ""


def test_one_that_is_there_is_kept(tokenizer):
    own = copy.deepcopy(tokenizer)
    own.chat_template = TEMPLATES["alpaca"][0]
    kept = with_chat_template(own)
    assert kept.chat_template == own.chat_template
    assert len(kept) == len(own)


@pytest.mark.parametrize(("told", "expected"), [(None, {0}), (5, {0, 5}), ([5, 6], {0, 5, 6})])
def test_the_network_says_where_it_stops_too(told, expected, tokenizer):
    assert stop_ids(network(told), tokenizer) == expected


def test_an_answer_ends_where_the_model_stops(tokenizer):
    own = with_chat_template(tokenizer)
    end = end_of_turn(own)
    assert ending(network([0, end]), own) == [end]
    assert ending(network(0), own) == [0]
    assert ending(network(0), tokenizer) == [0]
    assert ending(network([0, end], is_seq2seq=True), own) == []
    own.eos_token = own.chat_template = None
    assert ending(network([7, 5]), own) == [5]
    assert ending(network(None), own) == []
