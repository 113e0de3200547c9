"""Guesses are kept by the rule, for any way that answers are drawn."""

import torch

from acclimate.core.model import Sampling
from acclimate.inference.engine.draft_length import Draft
from acclimate.inference.engine.verify_drafts import Verdict, verify
from acclimate.inference.sampling.sampler import SamplingState

V = 6


def logits_of(*rows):
    """Each row's likeliest tokens in order, far above the rest."""
    return torch.stack([torch.nn.functional.one_hot(torch.tensor(r), V) * 20.0 for r in rows])


def never(_row):
    return False


def test_guesses_are_kept_up_to_the_first_wrong_one():
    logits = logits_of([1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4], [1, 0, 0, 0])
    drafts = [Draft([1, 2, 3]), Draft([1, 5, 3]), Draft([5, 2, 3]), Draft()]
    drawings = [SamplingState(Sampling(), i, []) for i in range(4)]
    found = verify(logits, drafts, drawings, never)
    assert [d.written for d in drawings] == [[1, 2, 3, 4], [1, 2], [1], [1]]
    assert found == [Verdict(3, 3), Verdict(2, 1), Verdict(1, 0), Verdict(0, 0)]


def test_a_stop_among_guesses_cuts_the_rest():
    for how in (Sampling(), Sampling(logprobs=0)):
        drawing = SamplingState(how, 0, [])
        asked = []

        def has_two(_row, drawing=drawing, asked=asked):
            asked.append(len(drawing.written))
            return 2 in drawing.written

        found = verify(logits_of([1, 2, 3, 4]), [Draft([1, 2, 3])], [drawing], has_two)
        assert drawing.written == [1, 2]
        assert len(drawing.token_logprobs) in (0, 2)
        assert found == [Verdict(2, 2)]


def test_a_greedy_answer_is_looked_at_once_a_pass_as_long_as_a_look_reaches():
    for num, looks in ((5, 1), (80, 80)):
        drawing, asked = SamplingState(Sampling(), 0, []), []

        def goes_on(_row, asked=asked):
            asked.append(1)
            return False

        logits = logits_of([1] * (num + 1))
        assert verify(logits, [Draft([1] * num)], [drawing], goes_on) == [Verdict(num, num)]
        assert drawing.written == [1] * (num + 1)
        assert len(asked) == looks


def test_chance_makes_of_looked_up_guesses_what_it_makes_without():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, V, generator=generator)
    how = Sampling(temperature=1.3, top_p=0.9, repetition_penalty=1.2, logprobs=2, seed=5)
    alone = SamplingState(how, 0, [3])
    verify(logits[None], [Draft()], [alone], never)
    for guess in range(V):
        drawing = SamplingState(how, 0, [3])
        (found,) = verify(logits[None], [Draft([guess, 1, 2])], [drawing], never)
        assert drawing.written[0] == alone.written[0]
        assert drawing.token_logprobs[0] == alone.token_logprobs[0]
        assert len(drawing.token_logprobs) == len(drawing.written) == found.num_kept + 1


def chi_square(counts, expected):
    kept = expected > 0
    assert counts[~kept].sum() == 0
    return ((counts[kept] - expected[kept]) ** 2 / expected[kept]).sum().item()


def test_drawn_guesses_leave_the_targets_distribution():
    """Two tokens at a time, whatever the draft's distribution: chi-square over all pairs."""
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(2, V, generator=generator, dtype=torch.float64)
    q = torch.randn(2, V + 2, generator=generator).softmax(-1)  # two rows to spare
    how = Sampling(temperature=0.9, top_k=4)
    counts = torch.zeros(V, V)
    n = 8_000
    for place in range(n):
        drawing = SamplingState(how, place, [])
        tokens = torch.multinomial(q, 1, generator=generator)[:, 0].tolist()
        (found,) = verify(logits[None], [Draft(tokens[:1], q[:1])], [drawing], never)
        if not found.num_kept:
            # What comes after a guess that was turned down is read anew.
            verify(logits[None, 1:], [Draft()], [drawing], never)
        counts[drawing.written[0], drawing.written[1]] += 1
    best = logits.topk(4)
    p = torch.zeros(2, V, dtype=torch.float64)
    p = p.scatter(1, best.indices, (best.values / 0.9).softmax(-1))
    expected = n * p[0][:, None] * p[1]
    assert chi_square(counts, expected) < 37.7  # 15 degrees of freedom, p = 0.001
