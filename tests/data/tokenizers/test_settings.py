"""Settings and special tokens: what is allowed, and a promise for every kind."""

from typing import get_args

import pytest
from pydantic import ValidationError

from acclimate.data.tokenizers.settings import PROMISES, TokenizerKind, TokenizerSettings
from acclimate.data.tokenizers.special_tokens import special_tokens
from acclimate.data.tokenizers.train import LEARN


def test_every_kind_can_be_learnt_and_says_what_it_gives_back():
    assert set(get_args(TokenizerKind)) == set(LEARN) == set(PROMISES)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"kind": "bpe"}, "no kind of tokenizer is called 'bpe'; did you mean byte_bpe?"),
        ({"kind": 3}, "no kind of tokenizer is called '3'"),
        ({"vocab_size": 0}, "greater than or equal to 1"),
        ({"max_seq_len": 0}, "greater than or equal to 1"),
        ({"num_sentinels": -1}, "greater than or equal to 0"),
    ],
)
def test_wrong_settings_are_refused(fields, fault):
    with pytest.raises(ValidationError) as error:
        TokenizerSettings.model_validate(fields)
    assert fault in str(error.value)


@pytest.mark.parametrize("kind", get_args(TokenizerKind))
def test_special_tokens_are_all_different(kind):
    tokens = special_tokens(TokenizerSettings(kind=kind, num_sentinels=12))
    assert len(tokens) == len(set(tokens))
    assert tokens[-12:] == [f"<extra_id_{i}>" for i in range(12)]
