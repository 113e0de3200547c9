"""Scoring with a shared prefix and choices together equals scoring each row by itself."""

import pytest
import torch

from acclimate.core.prompt import Example, Prompt
from acclimate.core.runtime.cost import metered
from acclimate.inference.scoring.loglikelihood import score
from acclimate.inference.scoring.teacher_forcing import ScoringRequest
from acclimate.models.local.huggingface import HuggingFace


def plainly(network, context, continuation):
    """One full forward pass a continuation: the definition."""
    logits = network(input_ids=torch.tensor([context + continuation])).logits[0].log_softmax(-1)
    start = len(context) - 1
    return sum(float(logits[start + i, token]) for i, token in enumerate(continuation))


@pytest.fixture
def requests():
    generator = torch.Generator().manual_seed(0)

    def draw(length):
        return torch.randint(2, 400, (length,), generator=generator).tolist()

    prefix = draw(40)
    contexts = [prefix + draw(length) for length in (3, 9, 1, 17)]
    lengths = [(1, 4, 2), (5,), (3, 3, 3, 8), (1, 1)]
    return [
        ScoringRequest(c, [draw(n) for n in ns]) for c, ns in zip(contexts, lengths, strict=True)
    ]


@pytest.mark.parametrize("family", ["llama", "qwen3", "mistral", "gemma2", "gpt2"])
def test_equals_one_pass_a_continuation(family, model_folder, requests):
    network = HuggingFace(path=str(model_folder(family))).load().network
    together = score(network, requests)
    for request, row in zip(requests, together, strict=True):
        alone = [plainly(network, request.context, c) for c in request.continuations]
        assert row == pytest.approx(alone, abs=1e-4)


def test_beyond_the_sliding_window_rows_are_scored_apart(model_folder):
    network = HuggingFace(path=str(model_folder("mistral"))).load().network
    context = [(7 * i) % 400 for i in range(200)]
    (row,) = score(network, [ScoringRequest(context, [[5, 6], [9]])])
    assert row == pytest.approx([plainly(network, context, c) for c in ([5, 6], [9])], abs=1e-4)


def test_encoder_decoder_equals_teacher_forcing(model_folder):
    network = HuggingFace(path=str(model_folder("t5"))).load().network
    context, continuation = [5, 9, 11, 0], [17, 4, 0]
    start = [network.config.decoder_start_token_id]
    logits = (
        network(
            input_ids=torch.tensor([context]),
            decoder_input_ids=torch.tensor([start + continuation[:-1]]),
        )
        .logits[0]
        .log_softmax(-1)
    )
    expected = sum(float(logits[i, t]) for i, t in enumerate(continuation))
    (row,) = score(network, [ScoringRequest(context, [[3], continuation])])
    assert row[1] == pytest.approx(expected, abs=1e-4)


def test_a_shared_prefix_is_counted_once(tiny, requests):
    with metered() as meter:
        score(tiny.network, requests)
    own = sum(r.num_tokens - 40 for r in requests)
    assert meter.cost.prompt_tokens == 40 + own


def test_model_weighs_pairs_in_the_order_asked(tiny):
    prompts = [Prompt(question="what?", item_id=str(i)) for i in range(3)]
    prompts[1] = prompts[1].with_parts(examples=(Example("who?", "the passage"),))
    pairs = [(p, c) for c in ("answer", "the passage") for p in prompts]
    weighed = tiny.loglikelihood(pairs)
    for (prompt, choice), found in zip(pairs, weighed, strict=True):
        context, continuation = tiny.encode(prompt, choice)
        assert found.logprob == pytest.approx(
            plainly(tiny.network, context, continuation), abs=1e-4
        )
        assert found.num_bytes == len(choice)
