"""Answers are weighed under policy and reference, against the same by hand."""

import pytest
import torch

from acclimate.alignment.score_rollouts import score_rollouts
from acclimate.models.local.huggingface import HuggingFace
from acclimate.nn.adapters.value_head import ValueHead
from acclimate.training.packing import TokenizedExample

EXAMPLES = [TokenizedExample([5, 6, 7], [8, 9]), TokenizedExample([10], [11, 12, 13])]


def test_one_by_one(tiny, model_folder, monkeypatch):
    policy, reference = (
        HuggingFace(path=str(model_folder(family))).load().network for family in ("qwen3", "llama")
    )
    policy.value_head = ValueHead(policy)
    torch.nn.init.normal_(policy.value_head.weight)
    told = {"kl_coef": 0.5, "gae_lambda": 1.0}
    found = score_rollouts(policy, reference, EXAMPLES, [1.0, -2.0], **told)
    advantages, kls = [], []
    for example, score in zip(EXAMPLES, (1.0, -2.0), strict=True):
        ids = torch.tensor([[*example.prompt, *example.answer]])
        answer = torch.tensor(example.answer)
        start = len(example.prompt) - 1
        with torch.no_grad():
            own, held = (
                n(input_ids=ids).logits[0, start:-1].log_softmax(-1) for n in (policy, reference)
            )
            hidden = policy.model(input_ids=ids).last_hidden_state[0, start:-1]
            values = policy.value_head(hidden)
        own_said, held_said = (x.gather(1, answer[:, None])[:, 0] for x in (own, held))
        rewards = -0.5 * (own_said - held_said)
        rewards[-1] += score
        ahead = rewards.flip(0).cumsum(0).flip(0)
        advantages.append(ahead - values)
        kls.append(float((own.exp() * (own - held)).sum()))
        noted = found.rollouts[len(kls) - 1].experience
        assert torch.allclose(noted.logprobs, own_said, atol=1e-4)
        assert torch.allclose(noted.values, values, atol=1e-4)
        assert torch.allclose(noted.returns, ahead, atol=1e-3)
    every = torch.cat(advantages)
    white = (every - every.mean()) / every.std(correction=0)
    got = torch.cat([r.experience.advantages for r in found.rollouts])
    assert torch.allclose(got, white, atol=1e-3)
    assert found.kl == pytest.approx(sum(kls) / 2, rel=1e-4)
    assert [r.example for r in found.rollouts] == EXAMPLES
