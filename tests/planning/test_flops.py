"""Operations against the published formula worked by hand."""

import pytest

from acclimate.planning.flops import NetworkShape, forward_flops, train_flops

SHAPE = NetworkShape(num_params=1000, num_layers=2, embed_dim=10)


def test_forward_is_two_a_weight_and_token() -> None:
    assert forward_flops(SHAPE, 7) == 2 * 1000 * 7


def test_attention_grows_with_the_context() -> None:
    # 2 layers x 50 tokens x width 10 x 2 = 2000 a token
    assert forward_flops(SHAPE, 7, context=50) == 7 * (2000 + 2000)


def test_training_is_six_a_weight_and_token() -> None:
    assert train_flops(SHAPE, 7) == 6 * 1000 * 7


def test_training_counts_attention_three_times() -> None:
    assert train_flops(SHAPE, 1, context=50) == 3 * 4000


def test_gpt3_training_to_the_published_figure() -> None:
    # 174.6e9 weights on 300e9 tokens: 3.14e23 (Brown et al., 2020, table D.1)
    shape = NetworkShape(num_params=174_600_000_000, num_layers=96, embed_dim=12288)
    assert train_flops(shape, 300e9) == pytest.approx(3.14e23, rel=2e-3)
