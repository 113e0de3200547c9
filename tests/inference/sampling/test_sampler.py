"""Tokens are drawn as transformers' own processors say, each row by itself."""

import pytest
import torch
from transformers.generation import logits_process as peers

from acclimate.core.errors import NotApplicableError
from acclimate.core.model import Sampling
from acclimate.core.prompt import Prompt
from acclimate.inference.sampling import sampler as module
from acclimate.inference.sampling.sampler import SamplingState, distribution, distributions, sample
from acclimate.models.local.huggingface import HuggingFace

READ, WRITTEN = [3, 5, 5, 9], [7, 3]


def logits_of(seed, num_rows=1, num_tokens=60):
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(num_rows, num_tokens, generator=generator)


def drawing_of(place=0, written=(), **how):
    drawing = SamplingState(Sampling(**how), place, READ)
    for token in written:
        drawing.write(token)
    return drawing


def by_peers(logits, how):
    """What transformers' generate would draw from, its processors in its order."""
    scores, ids = logits[None], torch.tensor([READ + WRITTEN])
    if "repetition_penalty" in how:
        scores = peers.RepetitionPenaltyLogitsProcessor(how["repetition_penalty"])(ids, scores)
    for name, warper in [
        ("temperature", peers.TemperatureLogitsWarper),
        ("top_k", peers.TopKLogitsWarper),
        ("top_p", peers.TopPLogitsWarper),
        ("min_p", peers.MinPLogitsWarper),
    ]:
        if name in how:
            scores = warper(how[name])(ids, scores)
    return scores.softmax(-1)[0]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"temperature": 0.6},
        {"temperature": 2.0},
        {"top_k": 7},
        {"top_k": 1000},
        {"top_p": 0.8},
        {"min_p": 0.1},
        {"repetition_penalty": 1.7},
        {"repetition_penalty": 0.5},
        {"temperature": 1.5, "top_k": 30, "top_p": 0.9, "min_p": 0.02, "repetition_penalty": 1.3},
    ],
)
def test_the_distribution_is_that_of_transformers(how, seed):
    (logits,) = logits_of(seed)
    found = distribution(logits, drawing_of(written=WRITTEN, **{"temperature": 1.0, **how}))
    assert torch.allclose(found, by_peers(logits, how), atol=1e-6)
    assert found.count_nonzero() == by_peers(logits, how).count_nonzero()


@pytest.mark.parametrize("spread", [0.01, 1.0, 5.0])
def test_a_nucleus_of_a_large_vocabulary_may_be_narrow_or_wide(spread):
    (logits,) = spread * logits_of(1, num_tokens=5000)
    how = {"temperature": 1.0, "top_p": 0.7}
    found, expected = distribution(logits, drawing_of(**how)), by_peers(logits, how)
    assert abs(found.count_nonzero() - expected.count_nonzero()) <= 1  # where 0.7 is met
    assert torch.allclose(found, expected, atol=1e-3 / 5000)


def test_greedy_is_a_point_and_knows_the_penalty():
    logits = torch.tensor([2.0, 1.9, -3.0])
    plain, penalised = (
        SamplingState(Sampling(), 0, []),
        SamplingState(Sampling(repetition_penalty=2), 0, [0]),
    )
    assert distribution(logits, plain).tolist() == [1, 0, 0]
    assert distribution(logits, penalised).tolist() == [0, 1, 0]
    assert sample(logits.expand(2, -1), [plain, penalised]).tolist() == [0, 1]
    assert (plain.written, penalised.written) == ([0], [1])
    assert sample(logits[None], [penalised]).tolist() == [0]


def test_draws_follow_the_distribution():
    logits = torch.tensor([0.7, 0.2, 0.1, 0.0]).log()
    drawings = [SamplingState(Sampling(temperature=2.0), place, []) for place in range(8_000)]
    drawn = sample(logits.expand(8_000, -1), drawings)
    expected = torch.tensor([0.7, 0.2, 0.1, 0.0]).sqrt()
    found = torch.bincount(drawn, minlength=4) / len(drawn)
    assert found.tolist() == pytest.approx((expected / expected.sum()).tolist(), abs=0.02)
    assert found[3] == 0


def test_a_row_is_drawn_alike_in_any_company():
    logits = logits_of(0, num_rows=6)
    hows = [{"temperature": 1.0}, {"top_k": 4, "temperature": 1.0}, {}, {"repetition_penalty": 2}]
    hows += [{"temperature": 1.0, "seed": 1}, {"temperature": 1.0, "logprobs": 2}]
    together = [drawing_of(place, **how) for place, how in enumerate(hows)]
    alone = [drawing_of(place, **how) for place, how in enumerate(hows)]
    for _ in range(20):
        drawn = sample(logits, together).tolist()
        assert drawn == [int(sample(logits[i : i + 1], alone[i : i + 1])) for i in range(6)]
    assert [own.written for own in together] == [own.written for own in alone]


def test_seed_and_place_decide():
    logits = logits_of(0)

    def written(place, seed):
        drawing = drawing_of(place, temperature=1.0, seed=seed)
        for _ in range(20):
            sample(logits, [drawing])
        return drawing.written

    assert written(0, 0) == written(0, 0)
    assert len({tuple(written(place, seed)) for place in (0, 1) for seed in (0, 1)}) == 4


def test_rows_alike_are_made_at_once_and_plain_ones_not_at_all(monkeypatch):
    made = []
    monkeypatch.setattr(
        module, "truncate_logits", lambda logits, how: (made.append(len(logits)), logits)[1]
    )
    hows = [{"temperature": 1.0, "seed": i} for i in range(5)] + [{}] * 3
    sample(logits_of(0, 8), [drawing_of(i, **how) for i, how in enumerate(hows)])
    assert made == [5]
    sample(logits_of(0, 3), [drawing_of(i) for i in range(3)])
    assert made == [5]


@pytest.mark.parametrize("temperature", [1e-300, 1e-6, 1e300])
def test_extreme_temperatures(temperature):
    found = distribution(logits_of(0)[0], drawing_of(temperature=temperature))
    assert found.sum().item() == pytest.approx(1)
    assert found.max().item() == pytest.approx(1 if temperature < 1 else 1 / 60)


@pytest.mark.parametrize("how", [{}, {"temperature": 3.0, "repetition_penalty": 9.0, "top_k": 2}])
def test_what_is_told_is_the_model_s_own(how):
    logits = logits_of(1)
    drawing = drawing_of(logprobs=3, **how)
    (token,) = sample(logits, [drawing]).tolist()
    logprobs = logits[0].double().log_softmax(-1)
    (told,) = drawing.token_logprobs
    order = logprobs.argsort(descending=True).tolist()
    assert told.token == token
    assert told.logprob == pytest.approx(logprobs[token].item(), abs=1e-5)
    assert [i for i, _ in told.likeliest] == order[:3]
    assert [own for _, own in told.likeliest] == pytest.approx(logprobs[order[:3]].tolist())


def test_none_of_the_likeliest_may_be_asked():
    drawing = drawing_of(logprobs=0)
    sample(logits_of(1), [drawing])
    assert drawing.token_logprobs[0].likeliest == ()


def test_what_was_written_can_be_taken_back():
    logits = logits_of(2)
    drawing = drawing_of(repetition_penalty=1.5, logprobs=1)
    before = distribution(logits[0], drawing)
    for _ in range(3):
        sample(logits, [drawing])
    first = drawing.written[0]
    drawing.rollback(2)
    assert drawing.written == [first]
    assert len(drawing.token_logprobs) == 1
    drawing.rollback(1)
    assert torch.equal(distribution(logits[0], drawing), before)


def test_distributions_of_several_places_at_once():
    logits = logits_of(3, num_rows=4)
    drawing = drawing_of(temperature=0.7, top_p=0.9)
    each = torch.stack([distribution(row, drawing) for row in logits])
    assert torch.allclose(distributions(logits, [drawing] * 4), each)


def test_a_constraint_that_nobody_keeps_is_not_passed_over():
    with pytest.raises(NotApplicableError, match="choice: this model does not write token by"):
        drawing_of(choice=("a",))


def test_half_precision_logits():
    logits = logits_of(4).bfloat16()
    found = distribution(logits[0], drawing_of(temperature=1.0))
    assert found.dtype == torch.float32
    assert found.sum().item() == pytest.approx(1)


@pytest.mark.parametrize("family", ["llama", "t5"])
def test_penalised_greedy_answers_are_those_of_generate(family, model_folder):
    model = HuggingFace(path=str(model_folder(family))).load()
    prompt = Prompt("what is the answer?")
    ids = torch.tensor([model.encode(prompt)[0]])
    how = {"repetition_penalty": 1.4, "do_sample": False, "max_new_tokens": 20}
    mask = torch.ones_like(ids)
    (output,) = model.network.generate(ids, attention_mask=mask, pad_token_id=1, **how).tolist()
    start = 1 if model.is_seq2seq else ids.shape[1]
    expected = model.tokenizer.decode(output[start:], skip_special_tokens=True)
    plain, penalised = (
        model.generate([prompt], Sampling(max_new_tokens=20, repetition_penalty=penalty))[0].text
        for penalty in (1.0, 1.4)
    )
    assert penalised == expected.strip() != plain


def test_the_highest_temperatures_make_what_is_allowed_equally_likely():
    logits = torch.tensor([1.0, 5.0, float("-inf"), 4.0])
    found = distribution(logits, drawing_of(temperature=1e300))
    assert found.tolist() == pytest.approx([1 / 3, 1 / 3, 0, 1 / 3])
