"""Adapters of several tasks in one batch: each row is as if it were alone, and so is gradient."""

from functools import partial

import pytest
import torch

from acclimate.core.domain import TrainData
from acclimate.core.errors import NotApplicableError
from acclimate.core.model import Sampling
from acclimate.core.prompt import Example as Shown
from acclimate.core.prompt import Prompt
from acclimate.core.storage.saved_model import load_model, save_model
from acclimate.inference.generate import decode
from acclimate.methods.tuning.lora import LoRA
from acclimate.methods.tuning.prompt_tuning import PromptTuning
from acclimate.models.local.huggingface import HuggingFace
from acclimate.nn.adapters.bottleneck import BottleneckForm
from acclimate.nn.adapters.bottleneck_adapter import BottleneckAdapter
from acclimate.nn.adapters.routing import NO_ADAPTER, as_keyword, route_of
from acclimate.training.losses import next_token_loss
from acclimate.training.packing import TokenizedExample, causal_batches, seq2seq_batches

TASKS = ("colour", "food", "place")
FORM = BottleneckForm(is_parallel=True, has_attention=True, reduction=4, scale=2.0, tasks=TASKS)
SAMPLING = Sampling(max_new_tokens=6)
FAMILIES = ["llama", "mistral", "gemma2", "gpt2", "t5"]


@pytest.fixture(params=FAMILIES)
def base(request, model_folder):
    return HuggingFace(path=str(model_folder(request.param))).load()


def routed(model, form=FORM):
    """A model with an adapter for each task, each unlike the others."""
    adapted = model.adapted(lambda network: BottleneckAdapter.new(network, form))
    torch.manual_seed(1)
    for place in adapted.adapter.sites.values():
        for weight in place.parameters():
            if weight.ndim:
                torch.nn.init.normal_(weight, std=0.2)
    return adapted


def alone(model, routes_model, number):
    """The model with one task's adapter and no routes at all."""
    form = FORM.model_copy(update={"tasks": ()})
    single = model.adapted(lambda network: BottleneckAdapter.new(network, form))
    for name, place in single.adapter.sites.items():
        of = routes_model.adapter.sites[name].adapters[number]
        place.adapters[0].load_state_dict(of.state_dict())
    return single


def prompts(tasks):
    """Of several lengths and one beginning, which rows would share if they were of one task."""
    shown = (Shown("what is the answer to this long question?", "the answer is in the passage"),)
    return [
        Prompt(question="what is it? " * (1 + i % 3), task=task, item_id=str(i), examples=shown)
        for i, task in enumerate(tasks)
    ]


MIXED = ("food", "colour", "unknown", "place", "colour", "food")


def one_by_one(base, model, asked):
    """What answers each prompt alone: its task's adapter, or the base."""
    single = [alone(base, model, number) for number in range(len(TASKS))]
    return [single[TASKS.index(p.task)] if p.task in TASKS else base for p in asked]


def test_answers_and_weights_equal_each_alone(base):
    model = routed(base)
    asked = prompts(MIXED)
    own = one_by_one(base, model, asked)
    texts = [m.generate([p], SAMPLING)[0].text for m, p in zip(own, asked, strict=True)]
    assert [c.text for c in model.generate(asked, SAMPLING)] == texts
    assert len(set(texts)) > 1
    pairs = [(p, choice) for p in asked for choice in ("the answer", "no")]
    wanted = [m.loglikelihood([pair])[0].logprob for m, pair in
              zip([m for m in own for _ in range(2)], pairs, strict=True)]  # fmt: skip
    found = [w.logprob for w in model.loglikelihood(pairs)]
    assert found == pytest.approx(wanted, rel=1e-6, abs=1e-5)
    following = model.next_token_logprobs(asked)
    for row, m, p in zip(following, own, asked, strict=True):
        assert torch.allclose(row, m.next_token_logprobs([p])[0], atol=1e-5)


def test_rows_keep_their_route_when_others_leave(base):
    model = routed(base)
    contexts = [list(range(5, 9 + i)) for i in range(4)]
    ways = [2, 0, NO_ADAPTER, 1]
    free = decode(model.network, contexts, SAMPLING, is_stop=lambda ids: False, routes=ways)
    lengths = {tuple(answer[:1]): n for n, answer in enumerate(free, start=1)}
    stopped = decode(
        model.network,
        contexts,
        SAMPLING,
        is_stop=lambda ids: len(ids) >= lengths[tuple(ids[:1])],
        routes=ways,
    )
    assert stopped == [answer[: lengths[tuple(answer[:1])]] for answer in free]


def examples(routes):
    generator = torch.Generator().manual_seed(0)
    draw = lambda n: torch.randint(2, 400, (n,), generator=generator).tolist()  # noqa: E731
    return [
        TokenizedExample(draw(3 + 2 * i), draw(2 + i % 3), route=r) for i, r in enumerate(routes)
    ]


def batches(network, some):
    if network.config.is_encoder_decoder:
        return seq2seq_batches(some, max_tokens=10_000)
    return causal_batches(some, max_tokens=10_000, dtype=torch.float32)


def gradients(model, some):
    model.network.zero_grad()
    (batch,) = batches(model.network, some)
    loss = next_token_loss(model.network, batch)
    loss.backward()
    of = model.adapter.sites
    return float(loss.detach()), {
        (name, number): [w.grad.clone() for w in adapter.parameters() if w.grad is not None]
        for name, place in of.items()
        for number, adapter in enumerate(place.adapters)
    }


def test_one_mixed_batch_trains_as_so_many_runs(base):
    model = routed(base)
    some = examples([0, 2, 1, NO_ADAPTER, 0, 1])
    loss, found = gradients(model, some)
    total = 0.0
    for number in range(len(TASKS)):
        own = [TokenizedExample(e.prompt, e.answer) for e in some if e.route == number]
        part, wanted = gradients(alone(base, model, number), own)
        total += part
        for (name, _), grads in wanted.items():
            assert len(found[name, number]) == len(grads) == 4
            for one, other in zip(found[name, number], grads, strict=True):
                assert float((one - other).abs().max()) < 1e-6 * max(1, float(other.abs().max()))
    (rest,) = batches(base.network, [TokenizedExample(some[3].prompt, some[3].answer)])
    total += float(next_token_loss(base.network, rest))
    assert loss == pytest.approx(total, rel=1e-6)


def test_a_task_without_tokens_in_the_batch_gets_no_gradient(tiny):
    _, found = gradients(routed(tiny), examples([0, NO_ADAPTER, 0]))
    assert all(grads == [] for (_, number), grads in found.items() if number)


def test_saved_and_loaded_it_routes_the_same(base, tmp_path):
    model = routed(base)
    save_model(model, tmp_path, outside=base)
    again = load_model(tmp_path, outside=base)
    pairs = [(p, "the answer") for p in prompts(MIXED)]
    assert again.loglikelihood(pairs) == model.loglikelihood(pairs)
    assert [route_of(again.network, task) for task in MIXED] == [1, 0, NO_ADAPTER, 2, 0, 1]


def test_adapters_over_adapters_of_other_tasks(tiny, tmp_path):
    first = routed(tiny, FORM.model_copy(update={"tasks": ("colour", "food")}))
    both = routed(first, FORM.model_copy(update={"tasks": ("place", "food")}))
    assert [route_of(both.network, t) for t in TASKS] == [0, 1, 2]
    assert route_of(first.network, "place") == NO_ADAPTER
    colour, place, unknown = prompts(["colour", "place", "unknown"])
    weigh = lambda model, prompt: model.loglikelihood([(prompt, "no")])[0].logprob  # noqa: E731
    assert weigh(both, colour) == pytest.approx(weigh(first, colour), abs=1e-5)
    assert weigh(both, place) != pytest.approx(weigh(first, place), abs=1e-2)
    assert weigh(both, unknown) == pytest.approx(weigh(tiny, unknown), abs=1e-5)
    save_model(both, tmp_path, outside=tiny)
    assert weigh(load_model(tmp_path, outside=tiny), place) == weigh(both, place)


def test_lora_on_top_goes_on_routing(tiny):
    first = routed(tiny)
    both = LoRA(rank=2).with_adapter(first, TrainData())
    both.network.eval()
    asked = prompts(MIXED)
    assert both.generate(asked, SAMPLING) == first.generate(asked, SAMPLING)


@pytest.mark.parametrize("is_prompted_first", [True, False])
def test_virtual_tokens_of_an_encoder_go_the_way_of_their_row(is_prompted_first, model_folder):
    base = HuggingFace(path=str(model_folder("t5"))).load()
    prompted = partial(PromptTuning(num_virtual_tokens=3).with_adapter, data=TrainData())
    model = routed(prompted(base)) if is_prompted_first else prompted(routed(base))
    model.network.eval()
    ids, mask = torch.tensor([[5, 9, 77], [8, 6, 4]]), torch.ones(2, 3, dtype=torch.long)
    routes = torch.tensor([[0], [2]])
    start = torch.full((2, 1), model.network.config.decoder_start_token_id)

    def logits(rows):
        told = {"input_ids": ids[rows], "attention_mask": mask[rows], "routes": routes[rows]}
        return model.network(decoder_input_ids=start[rows], **told).logits

    with torch.inference_mode():
        both = logits([0, 1])
        encoded = model.network.get_encoder()(ids, mask, routes=routes)
        given = {"encoder_outputs": encoded, "attention_mask": mask, "routes": routes}
        split = model.network(decoder_input_ids=start, **given).logits
        assert torch.allclose(torch.cat([logits([0]), logits([1])]), both, atol=1e-4)
        routes[:] = routes.flip(0)
        assert not torch.allclose(logits([0, 1]), both, atol=1e-2)
    assert torch.allclose(split, both, atol=1e-4)


def test_who_does_not_say_the_task_is_told(tiny):
    with pytest.raises(NotApplicableError, match="was not told which task"):
        routed(tiny).network(input_ids=torch.tensor([[5, 6]]))


def test_networks_with_one_way_know_nothing_of_it(tiny):
    assert as_keyword([None, None]) == {}
    assert route_of(tiny.network, "colour") is None
    (batch,) = causal_batches(examples([None, None]), max_tokens=99, dtype=torch.float32)
    assert "routes" not in batch.inputs
    assert not tiny.network._forward_pre_hooks
