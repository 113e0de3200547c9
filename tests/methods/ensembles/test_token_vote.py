"""Every token of an answer is the one that its members' ballots elect."""

import pytest

from acclimate.core.model import Sampling
from acclimate.methods.ensembles.token_vote import TokenVote
from acclimate.models.local.huggingface import HuggingFace

CONTRACT = {
    "weights": {"value": (3, 1), "beside": {"rule": "weighted"}, "why": "must be one a member"},
    "rule": {"value": "ranked", "why": "members weigh the same, so that weighted is majority"},
    "outlier_prob": {
        "value": 0.02,
        "beside": {"rule": "weighted", "weights": (3, 1)},
        "why": "of two that weigh the same, a token that both vote for wins anyway",
    },
}


@pytest.fixture(scope="module")
def members(model_folder):
    return [HuggingFace(path=str(model_folder(f))).load() for f in ("llama", "gpt2", "qwen3")]


def voted(members, data, **fields):
    method = TokenVote(members=((),) * len(members), **fields)
    return method.fit(members[0], data, seed=0, members=members)


def first_choices(member, prompts, num):
    return member.next_token_logprobs(prompts).topk(num).indices.tolist()


def test_plurality_by_hand(members, small_data):
    prompts = [prompt for prompt, _ in small_data.pairs("dev")]
    two = [members[0], members[1], members[1]]
    model = voted(two, small_data, num_choices=1, outlier_prob=0)
    found = model.generate(prompts, Sampling(max_new_tokens=1))
    expected = [ids[0] for ids in first_choices(members[1], prompts, 1)]
    tokenizer = members[0].tokenizer
    assert [c.text for c in found] == [
        tokenizer.decode([i], skip_special_tokens=True).strip() for i in expected
    ]


def test_borda_by_hand(members, small_data):
    prompts = [prompt for prompt, _ in small_data.pairs("dev")][:4]
    model = voted(members, small_data, rule="ranked", num_choices=40, outlier_prob=0)
    found = model.generate(prompts, Sampling(max_new_tokens=1))
    ranked = [first_choices(member, prompts, 40) for member in members]
    probs = [member.next_token_logprobs(prompts).exp() for member in members]
    tokenizer = members[0].tokenizer
    for row, answer in enumerate(found):
        points: dict[int, float] = {}
        for own in ranked:
            for place, token in enumerate(own[row]):
                points[token] = points.get(token, 0) + 40 - place
        best = max(points, key=lambda t: (points[t], sum(float(p[row, t]) for p in probs)))
        assert answer.text == tokenizer.decode([best], skip_special_tokens=True).strip()


def test_a_member_of_all_weight_decides(members, small_data):
    prompts = [prompt for prompt, _ in small_data.pairs("dev")]
    model = voted(members, small_data, rule="weighted", num_choices=1, weights=(1, 1, 5))
    sampling = Sampling(max_new_tokens=4)
    # Filtered at 0.05, its sure tokens stay.
    sure = voted(
        members, small_data, rule="weighted", num_choices=1, weights=(1, 1, 5), outlier_prob=0
    )
    texts = [c.text for c in sure.generate(prompts, sampling)]
    assert texts == [c.text for c in members[2].generate(prompts, sampling)]
    assert len(model.generate(prompts, sampling)) == len(prompts)
