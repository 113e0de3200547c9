"""Usage, sources and log-probabilities as clients read them."""

import json
import math

from acclimate.core.model import Completion, Token
from acclimate.core.prompt import Passage
from acclimate.server.openai.responses import (
    chat_logprobs,
    finish_reason,
    sources,
    text_logprobs,
    usage,
)

ANSWERS = [
    Completion("a", num_prompt_tokens=10, num_new_tokens=1, num_cached_tokens=4),
    Completion("b", num_prompt_tokens=10, num_new_tokens=2, num_cached_tokens=4),
    Completion("c", num_prompt_tokens=20, num_new_tokens=3),
    Completion("d", num_prompt_tokens=20, num_new_tokens=4),
]


def test_a_prompt_counts_once():
    assert usage(ANSWERS, 2) == {
        "prompt_tokens": 30,
        "completion_tokens": 10,
        "total_tokens": 40,
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    assert usage(ANSWERS, 1)["prompt_tokens"] == 60


def test_how_it_ended():
    assert finish_reason(Completion("a")) == "stop"
    assert finish_reason(Completion("a", is_cut=True)) == "length"


def test_sources():
    answer = Completion("a", passages=(Passage("d", "t", "x"),))
    assert sources(answer) == [{"document": "d", "title": "t", "text": "x"}]


def test_tokens_of_chats():
    told = chat_logprobs([Token("é", -1.0, (("e", -0.5), ("é", -1.0)))])
    assert told["content"] == [
        {
            "token": "é",
            "logprob": -1.0,
            "bytes": [195, 169],
            "top_logprobs": [
                {"token": "e", "logprob": -0.5, "bytes": [101]},
                {"token": "é", "logprob": -1.0, "bytes": [195, 169]},
            ],
        }
    ]


def test_tokens_of_texts():
    told = text_logprobs([Token("ab", math.nan), Token("c", -2.0, (("d", -0.5),))])
    assert told == {
        "tokens": ["ab", "c"],
        "token_logprobs": [None, -2.0],
        "top_logprobs": [None, {"d": -0.5, "c": -2.0}],
        "text_offset": [0, 2],
    }
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_of_tokens_that_look_alike_the_likeliest_is_told():
    told = text_logprobs([Token("?", -3.0, (("?", -0.5), ("d", -1.0)))])
    assert told["top_logprobs"] == [{"?": -0.5, "d": -1.0}]
