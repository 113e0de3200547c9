"""Phrases of members that differ; what has an encoder is refused."""

import pytest

from acclimate.core.errors import NotApplicableError
from acclimate.core.model import Sampling
from acclimate.methods.ensembles.phrase_vote import PhraseVote
from acclimate.models.local.huggingface import HuggingFace

CONTRACT = {
    "max_phrase_tokens": {"value": 1, "why": "the answers asked for are shorter than the default"},
}


@pytest.fixture(scope="module")
def members(model_folder):
    return [HuggingFace(path=str(model_folder(f))).load() for f in ("llama", "gpt2", "t5")]


def test_one_phrase_is_the_answer_with_the_better_joint_score(members, small_data):
    prompts = [prompt for prompt, _ in small_data.pairs("dev")][:6]
    pair, sampling = members[:2], Sampling(max_new_tokens=4)
    method = PhraseVote(members=((), ()), boundary="", max_phrase_tokens=4)
    model = method.fit(pair[0], small_data, seed=0, members=pair)
    alone = [[c.text for c in m.generate(prompts, sampling)] for m in pair]
    # The whole answer is one phrase, so it is that of one of them.
    texts = [c.text for c in model.generate(prompts, sampling)]
    assert all(text in own for text, *own in zip(texts, *alone, strict=True))
    assert texts != alone[0] or texts != alone[1]


def test_choices_are_weighed_by_the_product(members, small_data):
    pair = members[:2]
    method = PhraseVote(members=((), ()))
    model = method.fit(pair[0], small_data, seed=0, members=pair)
    prompt = next(small_data.pairs("dev"))[0]
    logprobs = [m.next_token_logprobs([prompt])[0] for m in pair]
    joined = (sum(logprobs) / 2).log_softmax(-1)
    token = pair[0].encode(prompt, "red")[1][0]
    text = pair[0].tokenizer.decode([token]).strip()
    if pair[0].encode(prompt, text)[1] == [token]:
        found = model.loglikelihood([(prompt, text)])[0].logprob
        assert found == pytest.approx(float(joined[token]), abs=1e-4)


def test_an_encoder_is_refused(members, small_data):
    method, pair = PhraseVote(members=((), "zero_shot")), [members[0], members[2]]
    with pytest.raises(NotApplicableError, match="average and token_vote work"):
        method.fit(members[0], small_data, seed=0, members=pair)
