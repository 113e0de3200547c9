"""The rule gives the target's distribution exactly; the arithmetic is the paper's."""

import itertools
import random

import pytest
import torch

from acclimate.inference.sampling.speculative_acceptance import (
    StepTimes,
    acceptance,
    accepted_share,
    expected_gain,
    expected_tokens,
    judge,
    overall_gain,
    residual,
)

V = 5


def dirichlet(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    drawn = -torch.rand(*shape, V, generator=generator, dtype=torch.float64).log()
    return drawn / drawn.sum(-1, keepdim=True)


@pytest.mark.parametrize("seed", range(20))
def test_one_token_is_drawn_from_the_target(seed):
    p, q = dirichlet(seed), dirichlet(seed + 100)
    kept = q * acceptance(p, q)
    found = kept + (1 - kept.sum()) * residual(p, q)
    assert (found - p).abs().max() < 1e-12
    # Acceptance is 1 less the total variation distance.
    share = accepted_share(p, q).item()
    assert share == pytest.approx(kept.sum().item(), abs=1e-12)
    assert share == pytest.approx(1 - 0.5 * (p - q).abs().sum().item(), abs=1e-12)


def test_two_tokens_drafted_together_are_drawn_from_the_target():
    """Every way that two drafts, each kept or replaced, come to two tokens, added up."""
    first_p, first_q = dirichlet(1), dirichlet(2)
    next_p, next_q = dirichlet(3, V), dirichlet(4, V)
    found = torch.zeros(V, V, dtype=torch.float64)
    for x, y in itertools.product(range(V), repeat=2):
        drawn = first_q[x] * next_q[x, y]
        keep_x, keep_y = (
            acceptance(first_p, first_q)[x],
            acceptance(next_p[x], next_q[x])[y],
        )
        found[x, y] += drawn * keep_x * keep_y
        found[x] += drawn * keep_x * (1 - keep_y) * residual(next_p[x], next_q[x])
        # Once the first is replaced, the second is drawn anew.
        replaced = drawn * (1 - keep_x) * residual(first_p, first_q)
        found += replaced[:, None] * next_p
    assert (found - first_p[:, None] * next_p).abs().max() < 1e-12


def test_a_token_that_only_the_draft_knows_is_always_replaced():
    p = torch.tensor([0.0, 0.5, 0.5])
    q = torch.tensor([1.0, 0.0, 0.0])
    chance = random.Random(0)
    found = [judge(0, p, q, chance.random) for _ in range(200)]
    assert set(found) == {1, 2}


def test_equal_distributions_keep_everything():
    p = dirichlet(0)
    assert all(judge(token, p, p, lambda: 1 - 1e-9) == token for token in range(V))
    assert torch.equal(residual(p, p), p)


def test_what_is_judged_follows_the_target():
    p, q = dirichlet(5), dirichlet(6)
    chance = random.Random(1)
    n = 20_000
    drawn = chance.choices(range(V), weights=q.tolist(), k=n)
    found = torch.bincount(torch.tensor([judge(x, p, q, chance.random) for x in drawn]))
    chi_square = ((found - n * p) ** 2 / (n * p)).sum().item()
    assert chi_square < 18.47  # 4 degrees of freedom, p = 0.001


@pytest.mark.parametrize(
    ("rate", "num_draft_tokens", "expected"),
    [(0.8, 1, 1.80), (0.8, 3, 2.952), (0.8, 5, 3.689), (0.8, 7, 4.161), (0.9, 5, 4.686)],
)
def test_expected_tokens_are_the_published(rate, num_draft_tokens, expected):
    assert expected_tokens(rate, num_draft_tokens) == pytest.approx(expected, abs=5e-4)
    summed = sum(rate**i for i in range(num_draft_tokens + 1))
    assert expected_tokens(rate, num_draft_tokens) == pytest.approx(summed, abs=1e-12)


def test_certain_drafts_are_all_kept():
    assert expected_tokens(1.0, 6) == 7
    assert expected_tokens(0.0, 6) == 1


def test_gain_divides_by_what_drafting_takes():
    assert expected_gain(0.8, 5, 0.05) == pytest.approx(3.68928 / 1.25)
    # It pays only if a token is kept more often than it costs.
    assert expected_gain(0.31, 1, 0.3) > 1 > expected_gain(0.29, 1, 0.3)


def test_the_whole_gains_less_where_some_passes_have_no_guesses():
    # Four passes with guesses give 12 tokens at twice the pace, six without give one each.
    assert overall_gain(2.0, 8, 4, 10) == pytest.approx(18 / 12)
    assert overall_gain(2.0, 8, 4, 4) == 2
    assert overall_gain(2.0, 0, 0, 10) == 1


FREE = StepTimes(0.05, ((1, 1.0), (64, 1.0)))
"""A network that reads 64 tokens in the time of one."""
DEAR = StepTimes(0.0, ((1, 1.0), (2, 2.0), (64, 64.0)))
"""One that takes as long for each."""


def test_where_many_tokens_cost_as_one_the_gain_is_the_papers():
    for num in range(8):
        assert FREE.gain(0.7, num) == pytest.approx(expected_gain(0.7, num, 0.05))
    gains = [expected_gain(0.7, num, 0.05) for num in range(9)]
    assert FREE.best(0.7, range(9)) == gains.index(max(gains)) > 0


def test_nothing_is_drafted_where_it_does_not_pay():
    assert DEAR.best(0.9, range(9)) == 0
    assert FREE.best(0.04, [1, 8]) == 0
    assert FREE.best(1.0, range(9)) == 8


def test_passes_between_those_measured_lie_on_a_line():
    pace = StepTimes(0.0, ((1, 1.0), (4, 1.6), (16, 4.0)))
    assert [pace.of_pass(n) for n in (1, 2, 4, 10, 16, 28)] == pytest.approx(
        [1.0, 1.2, 1.6, 2.8, 4.0, 6.4]
    )


def test_a_full_batch_turns_it_off():
    # One token or sixteen take as long, then each adds its share.
    pace = StepTimes(0.0, ((1, 1.0), (16, 1.0), (256, 16.0)))
    assert pace.best(0.8, range(9), num_rows=1) == 8
    assert pace.best(0.8, range(9), num_rows=16) < 8
    assert pace.best(0.3, range(9), num_rows=32) == 0
