"""Networks of any vocabulary read byte by byte: a string's likelihood is that of all spellings."""

import math

import pytest
import torch

from acclimate.core.model import Sampling
from acclimate.core.prompt import Prompt
from acclimate.data.tokenizers.token_bytes import token_bytes
from acclimate.ensembles.token_level.byte_model import ByteModel
from acclimate.ensembles.token_level.byte_reader import ByteText, HypothesisLimits
from acclimate.ensembles.token_level.mixtures import Mixture
from acclimate.models.local.huggingface import HuggingFace

PROMPTS = [Prompt("one?", item_id="1"), Prompt("two, or is it three?", item_id="2")]
EXACT = HypothesisLimits(max_hypotheses=1000, min_share=0)


@pytest.fixture(scope="module")
def families(model_folder):
    return [HuggingFace(path=str(model_folder(f))).load() for f in ("llama", "t5")]


def byte_model(*members, weights=None, precision=EXACT):
    return ByteModel(members, Mixture(), weights or (1.0,) * len(members), precision, 2)


def spelled(model, ids, text, written=()):
    """Probability of all token sequences that begin with `text`, each step read anew."""
    if not text:
        return 1.0
    network = model.network
    if network.config.is_encoder_decoder:
        start = torch.tensor([[network.config.decoder_start_token_id, *written]])
        output = network(input_ids=torch.tensor([ids]), decoder_input_ids=start)
    else:
        output = network(input_ids=torch.tensor([[*ids, *written]]))
    logits = output.logits[0, -1].double()
    logits[1] = logits[len(token_bytes(model.tokenizer)) :] = -math.inf  # they spell nothing
    probs = logits.softmax(-1)
    total = 0.0
    for token, own in enumerate(token_bytes(model.tokenizer)):
        if own and (text.startswith(own) or own.startswith(text)):
            rest = spelled(model, ids, text[len(own) :], (*written, token))
            total += float(probs[token]) * rest
    return total


def test_likelihood_of_a_string_is_that_of_all_its_spellings(families):
    llama, t5 = families
    text = "the"
    for model, lead in ((llama, b" "), (t5, b"")):
        ids = model.encode(PROMPTS[0], text)[0]
        whole = spelled(model, ids, lead + text.encode())
        expected = math.log(whole / (spelled(model, ids, lead) if lead else 1.0))
        (found,) = byte_model(model).loglikelihood([(PROMPTS[0], text)])
        assert found.logprob == pytest.approx(expected, abs=1e-4)
        assert found.num_bytes == found.num_tokens == 3


def test_members_are_joined_at_every_byte(families):
    pairs = [(p, text) for p in PROMPTS for text in ("it", "to")]
    prefixes = [(p, text[:1]) for p, text in pairs]

    def steps(model):
        """Log-probability of the first byte, and of the second after it."""
        first = [w.logprob for w in byte_model(model).loglikelihood(prefixes)]
        both = [w.logprob for w in byte_model(model).loglikelihood(pairs)]
        return [(a, b - a) for a, b in zip(first, both, strict=True)]

    found = byte_model(*families, weights=(3.0, 1.0)).loglikelihood(pairs)
    for own, one, other in zip(found, *map(steps, families), strict=True):
        expected = sum(
            math.log(0.75 * math.exp(a) + 0.25 * math.exp(b))
            for a, b in zip(one, other, strict=True)
        )
        assert own.logprob == pytest.approx(expected, abs=1e-4)


def test_order_does_not_matter_and_equals_change_nothing(families):
    llama, t5 = families
    pairs = [(p, "to") for p in PROMPTS]
    one = [w.logprob for w in byte_model(llama, t5).loglikelihood(pairs)]
    other = [w.logprob for w in byte_model(t5, llama).loglikelihood(pairs)]
    assert one == pytest.approx(other, abs=1e-5)
    alone = byte_model(llama).loglikelihood(pairs)
    assert byte_model(llama, llama).loglikelihood(pairs) == alone


def test_answers_stay_in_bounds(families):
    model = byte_model(*families, precision=HypothesisLimits(max_hypotheses=4, min_share=0))
    found = model.generate(PROMPTS, Sampling(max_new_tokens=2))
    assert all(len(c.text.encode()) <= 4 for c in found)
    assert [c.num_new_tokens <= 2 for c in found] == [True, True]


def test_bytes_as_text_leave_out_the_end_and_what_was_cut_off():
    assert ByteText().decode([*"né".encode(), 256]) == "né"
    assert ByteText().decode("né".encode()[:-1]) == "n"
