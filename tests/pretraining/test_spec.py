"""What a spec says of itself: steps, rows, and the tokenizer that its network learns with."""

import pytest
from pydantic import ValidationError

from acclimate.data.tokenizers.settings import TokenizerSettings
from acclimate.nn.architectures.build import ModelSettings
from acclimate.pretraining.spec import PretrainSpec
from acclimate.training.arguments import TrainingArguments


@pytest.mark.parametrize(
    ("fields", "num_steps"),
    [
        # Chinchilla: 20 tokens a parameter; 8 rows of 1,024 a step.
        ({}, round(20 * 1e6 / (8 * 1024))),
        ({"num_tokens": 81_920}, 10),
        ({"num_tokens": 81_920, "batch_size": 2, "row_tokens": 512}, 80),
        ({"num_tokens": 1}, 1),
        ({"training": {"num_steps": 7}}, 7),
        ({"training": {"num_steps": 7}, "num_tokens": 81_920}, 10),
    ],
)
def test_steps(fields, num_steps):
    assert PretrainSpec(**fields).arguments(1_000_000).num_steps == num_steps


def test_the_plan_is_otherwise_as_told():
    training = TrainingArguments(learning_rate=0.5, patience=3)
    plan = PretrainSpec(training=training, num_tokens=8192).arguments(10)
    assert plan == training.model_copy(update={"num_steps": 1})


@pytest.mark.parametrize(("row_tokens", "expected"), [(0, 64), (8, 8), (64, 64)])
def test_rows_are_the_window_unless_told(row_tokens, expected):
    spec = PretrainSpec(model={"max_seq_len": 64}, row_tokens=row_tokens)
    assert spec.window_tokens == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"kind": "byte_bpe", "num_sentinels": 0, "max_seq_len": 1024}),
        ({"model": {"family": "bert"}}, {"kind": "wordpiece", "num_sentinels": 0}),
        ({"model": {"family": "modernbert"}}, {"kind": "wordpiece"}),
        ({"model": {"family": "t5"}}, {"kind": "byte_bpe", "num_sentinels": 100}),
        ({"model": ModelSettings(family="bert", max_seq_len=99)}, {"kind": "wordpiece"}),
        ({"model": {"max_seq_len": 99}}, {"max_seq_len": 99}),
        (
            {"model": {"family": "t5", "max_seq_len": 99},
             "tokenizer": {"num_sentinels": 5, "max_seq_len": 50, "kind": "unigram"}},
            {"num_sentinels": 5, "max_seq_len": 50, "kind": "unigram"},
        ),
        ({"tokenizer": TokenizerSettings(vocab_size=300)}, {"vocab_size": 300}),
    ],
)  # fmt: skip
def test_the_tokenizer_follows_the_model_unless_told(fields, expected):
    tokenizer = PretrainSpec(**fields).tokenizer
    assert tokenizer.model_dump(include=set(expected)) == expected


def test_a_tokenizer_that_there_is_stays_a_name():
    spec = PretrainSpec(model={"family": "bert"}, tokenizer="owner/name")
    assert spec.tokenizer == "owner/name"


def test_it_is_the_same_read_back():
    spec = PretrainSpec(model={"family": "t5"}, text=("a",), trackers=("trackio",))
    assert PretrainSpec.model_validate_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        (
            {"row_tokens": 65, "model": {"max_seq_len": 64}},
            "longer than the model's context window",
        ),
        ({"row_tokens": 7}, "row_tokens=7: must be 0, or at least 8"),
        ({"model": {"family": "bert"}, "tokenizer": {"kind": "unigram"}}, "only wordpiece has"),
        ({"model": {"family": "t5"}, "tokenizer": {"num_sentinels": 0}}, "num_sentinels=0: t5"),
        ({"trackers": ["tensorbord"]}, "tensorboard"),
        ({"model": {"size": "9z"}}, "give 1m, 8m"),
        ({"model": "llama"}, "ModelSettings"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(fields, fault):
    with pytest.raises(ValidationError, match=fault):
        PretrainSpec(**fields)
