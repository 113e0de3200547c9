"""Members of one base write in one pass what they write in passes of their own."""

import pytest
import torch

from acclimate.core.model import Sampling
from acclimate.core.prompt import Example, Prompt
from acclimate.core.rewriter import PromptRewriter
from acclimate.core.runtime.cost import metered
from acclimate.ensembles.token_level import shared_pass as one_pass
from acclimate.ensembles.token_level.member_prompts import encode_for_members, to_answer
from acclimate.ensembles.token_level.shared_pass import (
    SharedPassBatch,
    SharedPassSource,
    share_passes,
)
from acclimate.inference.engine import scheduler as loop
from acclimate.inference.engine.sequence_batch import NetworkSource
from acclimate.inference.generate import decode_jointly
from acclimate.models.local.huggingface import HuggingFace
from acclimate.nn.adapters.low_rank import ALL_LINEAR, LowRank
from acclimate.nn.adapters.peft import PeftAdapter

PROMPTS = [Prompt(f"what is {text}?") for text in ("it", "the answer in the passage", "a x b")]
SAMPLING = Sampling(max_new_tokens=12)


class Shown(PromptRewriter):
    """Shows an example."""

    def render(self, prompts):
        return [p.with_parts(examples=(Example("what is it?", "the answer"),)) for p in prompts]


def adapted(base, seed, rank, target_modules=ALL_LINEAR, **more):
    """An adapter that nobody trained, but that changes what the base says."""
    form = LowRank(rank, 4.0 * seed, 0.0, target_modules)

    def put_on(network):
        found = PeftAdapter.new(network, form.config(network, **more))
        torch.manual_seed(seed)
        for name, weight in found.network.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weight, std=0.2)
        found.network.eval().requires_grad_(requires_grad=False)
        return found

    return base.adapted(put_on)


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """However small networks are."""
    monkeypatch.setattr(one_pass, "_MANY", 2)
    monkeypatch.setattr(one_pass, "MAX_PROMPTS", 100)


@pytest.fixture(params=["llama", "qwen3", "gpt2"])
def base(request, model_folder):
    return HuggingFace(path=str(model_folder(request.param))).load()


def members_of(base):
    """The base twice, adapters of two ranks, and one on some layers only."""
    some = "c_attn" if base.network.config.model_type == "gpt2" else "q_proj"
    one, other, wide = adapted(base, 1, 4), adapted(base, 2, 4, some), adapted(base, 3, 8)
    return [base, Shown(one), other, Shown(base), wide]


def seats_of(members, prompts=PROMPTS):
    return encode_for_members(
        members, [(p, ()) for p in prompts], to_answer(SAMPLING.max_new_tokens)
    )


def written(readers, apart=list):
    """Greedy answers of the mean, and each member's logits by prompt."""
    seen = {}

    def join(logits, rows):
        own = torch.stack(apart(logits), 1)
        for row, prompt in enumerate(rows):
            seen.setdefault(prompt, []).append(own[row])
        return own.float().log_softmax(-1).mean(1)

    # Whatever ends answers at different turns.
    answers = decode_jointly(readers, SAMPLING, is_stop=lambda ids: sum(ids) % 3 == 0, join=join)
    return answers, {prompt: torch.stack(own) for prompt, own in seen.items()}


def require_alike(seats):
    """Readers that write together give the same as those that write apart."""
    with metered() as one:
        apart, each = written([seat.source for seat in seats])
    readers, take = share_passes(seats)
    with metered() as other:
        together, whole = written(readers, take)
    assert together == apart
    for prompt, logits in each.items():
        assert torch.allclose(whole[prompt], logits, atol=1e-4)
    assert other.cost.prompt_tokens == one.cost.prompt_tokens
    assert other.cost.flops == pytest.approx(one.cost.flops)
    return readers


def test_answers_logits_and_costs_are_those_of_passes_of_their_own(base):
    readers = require_alike(seats_of(members_of(base)))
    # The base twice, and three adapters.
    assert [len(reader.sources) for reader in readers] == [2, 3]


def test_rows_that_leave_and_join_stay_with_their_member(base, monkeypatch):
    members = members_of(base)
    prompts = [Prompt(f"what is {'the ' * n}answer?") for n in (1, 9, 4, 6, 2, 12, 3, 7)]
    seats = seats_of(members, prompts)
    monkeypatch.setattr(loop, "MAX_SEQUENCES", 3)
    joined = []
    join = SharedPassBatch.extend
    monkeypatch.setattr(
        SharedPassBatch, "extend", lambda own, new: (joined.append(own.whole), join(own, new))
    )
    require_alike(seats)
    assert joined
    assert None not in joined


def test_the_same_reading_is_read_once(base):
    readers, take = share_passes(seats_of([base, base]))
    assert [type(reader) for reader in readers] == [NetworkSource]
    logits = torch.rand(3, 7)
    assert [own is logits for own in take([logits])] == [True, True]


def test_other_kinds_of_adapters_and_bases_are_read_apart(base, model_folder):
    other = HuggingFace(path=str(model_folder("llama"))).load()
    dora = adapted(base, 1, 4, use_dora=True)
    t5 = HuggingFace(path=str(model_folder("t5"))).load()
    seats = seats_of([base, dora, other, t5, Shown(t5), Shown(base)])
    readers = require_alike(seats)
    assert [type(reader) for reader in readers] == [SharedPassSource] + [NetworkSource] * 4


def test_adapters_of_one_rank_lie_in_memory_once(base):
    one, other = (adapted(base, seed, 4) for seed in (1, 2))
    (reader,), _ = share_passes(seats_of([one, other]))
    own = {w.untyped_storage().data_ptr() for m in (one, other) for w in m.network.parameters()}
    stacked = [m for m in reader.network.modules() if hasattr(m, "scale") and hasattr(m, "up")]
    assert stacked
    for layer in stacked:
        assert layer.up.untyped_storage().data_ptr() in own
        assert layer.down.untyped_storage().data_ptr() in own
    # It is made once.
    (again,), _ = share_passes(seats_of([one, other]))
    assert again.network is reader.network


def test_where_it_is_not_the_shorter_each_has_its_own(base, monkeypatch):
    seats = seats_of(members_of(base))
    monkeypatch.setattr(one_pass, "MAX_PROMPTS", 2)
    assert [type(reader) for reader in require_alike(seats)] == [NetworkSource] * 5
    monkeypatch.setattr(one_pass, "MAX_PROMPTS", 3)
    monkeypatch.setattr(one_pass, "_MANY", 3)
    kinds = [type(reader) for reader in require_alike(seats)]
    assert kinds == [NetworkSource, NetworkSource, SharedPassSource]
    monkeypatch.setattr(one_pass, "_LARGE", 1)
    assert [type(reader) for reader in require_alike(seats)] == [SharedPassSource] * 2
