"""Several readers in the one loop: each with its own prompts and cache, the same tokens for all."""

import math

import pytest
import torch

from acclimate.core.model import Sampling
from acclimate.core.prompt import Example, Passage, Prompt
from acclimate.core.rewriter import PromptRewriter, unwrap
from acclimate.core.runtime.cost import metered
from acclimate.core.runtime.fit_log import collect_log
from acclimate.ensembles.token_level.joint_model import (
    JointModel,
    answer_jointly,
    expected,
    weigh_jointly,
)
from acclimate.ensembles.token_level.member_prompts import LEFT_OUT_OF_MIXTURE
from acclimate.ensembles.token_level.mixtures import Mixture
from acclimate.inference.engine.sequence_batch import NetworkSource
from acclimate.inference.generate import decode, decode_jointly
from acclimate.models.local.huggingface import HuggingFace

PROMPTS = [Prompt("one?", item_id="1"), Prompt("two, or is it three?", item_id="2")]
SAMPLING = Sampling(max_new_tokens=6)


class Shown(PromptRewriter):
    """Shows an example and a passage."""

    def render(self, prompts):
        example = Example("what is it?", "the answer")
        return [
            p.with_parts(examples=(example,), passages=(Passage("d", "t", "x"),)) for p in prompts
        ]


class Long(PromptRewriter):
    """Makes the second prompt too long for any window."""

    def render(self, prompts):
        return [p.with_parts(question="long " * 300) if p.item_id == "2" else p for p in prompts]


@pytest.fixture(scope="module")
def families(model_folder):
    return [HuggingFace(path=str(model_folder(f))).load() for f in ("llama", "gpt2", "t5")]


def shares(*weights, num=2):
    return torch.tensor([weights] * num, dtype=torch.float32)


def by_hand(members, prompts, weights, num_tokens):
    """Greedy tokens of the mean of probabilities, every step read anew."""
    found = []
    for prompt in prompts:
        written = []
        for _ in range(num_tokens):
            probs = [next_probs(member, prompt, written) for member in members]
            mean = sum(w * p for w, p in zip(weights, probs, strict=True))
            written.append(int(mean.argmax()))
            if written[-1] == 0:  # the end of the small tokenizer
                break
        found.append(written)
    return found


def next_probs(member, prompt, written):
    core = unwrap(member).core
    (rendered,) = unwrap(member).render([prompt])
    ids = core.prompt_tokenizer.fitted(rendered, 6)[1]
    network = core.network
    if network.config.is_encoder_decoder:
        start = network.config.decoder_start_token_id
        output = network(
            input_ids=torch.tensor([ids]), decoder_input_ids=torch.tensor([[start, *written]])
        )
    else:
        output = network(input_ids=torch.tensor([ids + written]))
    return output.logits[0, -1].softmax(-1)


def test_each_step_is_the_mean_of_what_each_reads(families):
    llama, gpt2, t5 = families
    members = [llama, Shown(gpt2), t5]
    found = answer_jointly(members, PROMPTS, SAMPLING, Mixture(), shares(1, 2, 1))
    tokens = by_hand(members, PROMPTS, (0.25, 0.5, 0.25), 6)
    assert [c.num_new_tokens for c in found] == [len(ids) for ids in tokens]
    assert [c.text for c in found] == [
        llama.tokenizer.decode(ids, skip_special_tokens=True).strip() for ids in tokens
    ]
    assert found[0].passages == (Passage("d", "t", "x"),)


def test_rows_end_and_leave_for_all_readers(families):
    llama, gpt2, _ = families
    contexts = [[5, 6, 7], [8, 9], [11, 12, 13, 14]]
    readers = [NetworkSource(m.network, contexts) for m in (llama, gpt2)]

    def mean(logits, rows):
        assert len(logits[0]) == len(logits[1]) == len(rows)
        return sum(own.softmax(-1) for own in logits)

    whole = decode_jointly(readers, SAMPLING, is_stop=lambda ids: False, join=mean)
    stop = whole[1][1]
    cut = decode_jointly(readers, SAMPLING, is_stop=lambda ids: ids[-1] == stop, join=mean)
    assert cut == [ids[: ids.index(stop) + 1] if stop in ids else ids for ids in whole]
    # One reader is the case of one.
    assert decode_jointly(readers[:1], SAMPLING, is_stop=lambda ids: False) == decode(
        llama.network, contexts, SAMPLING, is_stop=lambda ids: False
    )


@pytest.mark.parametrize("space", ["probability", "log"])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_model_with_itself_is_exactly_itself(tiny, space, temperature):
    sampling = SAMPLING.model_copy(update={"temperature": temperature, "seed": 5})
    joint = JointModel((tiny, tiny, tiny), Mixture(space=space), {"": (0.2, 0.7, 0.1)})
    alone = tiny.generate(PROMPTS, sampling)
    assert [c.text for c in joint.generate(PROMPTS, sampling)] == [c.text for c in alone]
    pairs = [(p, text) for p in PROMPTS for text in ("the answer", "it", "passage.")]
    assert joint.loglikelihood(pairs) == tiny.loglikelihood(pairs)


@pytest.mark.parametrize("space", ["probability", "log"])
def test_log_likelihood_is_joined_token_by_token(families, space):
    llama, gpt2, _ = families
    members = [Shown(llama), gpt2]
    pairs = [(p, text) for p in PROMPTS for text in ("the answer", "it")]
    weights = shares(3, 1, num=4)
    found = weigh_jointly(members, pairs, Mixture(space=space), weights)
    for (prompt, text), own in zip(pairs, found, strict=True):
        tokens = llama.encode(prompt, text)[1]
        total = 0.0
        for place, token in enumerate(tokens):
            p, q = (next_probs(m, prompt, tokens[:place]) for m in members)
            joined = 0.75 * p + 0.25 * q if space == "probability" else p**0.75 * q**0.25
            total += math.log(joined[token] / joined.sum())
        assert own.logprob == pytest.approx(total, abs=1e-4)
        assert own.num_tokens == len(tokens)


def test_order_of_members_does_not_matter(families):
    llama, gpt2, _ = families
    pairs = [(p, "the answer") for p in PROMPTS]
    one = weigh_jointly([llama, gpt2], pairs, Mixture(), shares(3, 1))
    other = weigh_jointly([gpt2, llama], pairs, Mixture(), shares(1, 3))
    assert [w.logprob for w in one] == pytest.approx([w.logprob for w in other], abs=1e-5)


def test_weights_and_temperatures_of_each_prompt(families):
    llama, gpt2, _ = families
    each = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    found = answer_jointly([llama, gpt2], PROMPTS, SAMPLING, Mixture(), each)
    assert found[0].text == llama.generate(PROMPTS[:1], SAMPLING)[0].text
    assert found[1].text == gpt2.generate(PROMPTS[1:], SAMPLING)[0].text
    drawing = SAMPLING.model_copy(update={"temperature": 1.0})
    cold = torch.tensor([1e-4, 1e-4])
    again = answer_jointly([llama, gpt2], PROMPTS, drawing, Mixture(), each, cold)
    assert [c.text for c in again] == [c.text for c in found]
    hot = torch.tensor([1e-4, 50.0])
    mixed = answer_jointly([llama, gpt2], PROMPTS, drawing, Mixture(), each, hot)
    assert mixed[0].text == found[0].text
    assert mixed[1].text != found[1].text


def test_a_member_that_a_prompt_does_not_fit_is_left_out_and_counted(families):
    llama, gpt2, _ = families
    with collect_log() as book:
        found = answer_jointly([Long(llama), gpt2], PROMPTS, SAMPLING, Mixture(), shares(1, 1))
    assert book.facts[LEFT_OUT_OF_MIXTURE] == 0.25
    assert found[1].text == gpt2.generate(PROMPTS[1:], SAMPLING)[0].text
    both = answer_jointly([llama, gpt2], PROMPTS[:1], SAMPLING, Mixture(), shares(1, 1, num=1))
    assert found[0].text == both[0].text
    # Those that are left are heard, though they were to weigh nothing.
    pairs = [(p, "it") for p in PROMPTS]
    weighed = weigh_jointly([Long(llama), gpt2], pairs, Mixture(), shares(1, 0))
    assert weighed[1].logprob == pytest.approx(gpt2.loglikelihood(pairs)[1].logprob, abs=1e-4)
    with pytest.raises(Exception, match="no member answers item '2'"):
        answer_jointly([Long(llama)], PROMPTS, SAMPLING, Mixture(), shares(1))
    assert {own.request for own in expected([Long(llama), gpt2], pairs)} == {0}


def test_what_is_read_counts_for_each_member_and_what_is_written_once(families):
    llama, gpt2, _ = families
    with metered() as meter:
        found = answer_jointly([llama, gpt2], PROMPTS, SAMPLING, Mixture(), shares(1, 1))
    num_read, num_new = (sum(getattr(c, f"num_{kind}_tokens") for c in found)
                         for kind in ("prompt", "new"))  # fmt: skip
    assert (meter.cost.prompt_tokens, meter.cost.new_tokens) == (num_read, num_new)
    sizes = llama.network.num_parameters() + gpt2.network.num_parameters()
    assert meter.cost.flops == pytest.approx(2 * sizes * (num_read / 2 + num_new))
