"""All who ask a network at once share a loop, and none is the worse for it."""

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from acclimate.core.errors import BackendError
from acclimate.core.model import Completion, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.runtime.cancellation import CancelledError, CancelToken, cancellable_by
from acclimate.core.runtime.cost import metered
from acclimate.inference.engine.engine import engine_of
from acclimate.inference.engine.request import Request
from acclimate.inference.engine.sequence_batch import NetworkSource
from acclimate.inference.generate import decode_jointly
from acclimate.inference.local_model import Generation
from acclimate.models.local.huggingface import HuggingFace

PROMPTS = [Prompt(f"what is {n}, and why? " * (1 + n % 3)) for n in range(12)]
SAMPLING = Sampling(max_new_tokens=12)


@pytest.fixture
def model(model_folder):
    return HuggingFace(path=str(model_folder("llama"))).load()


def test_asked_from_many_threads_each_has_the_answer_it_has_alone(model):
    alone = [model.generate([prompt], SAMPLING)[0].text for prompt in PROMPTS]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda p: model.generate([p], SAMPLING)[0].text, PROMPTS))
    assert together == alone


def test_each_thread_pays_for_its_own_tokens(model):
    def cost(prompt):
        with metered() as meter:
            (answer,) = model.generate([prompt], SAMPLING)
        return meter.cost, answer

    with ThreadPoolExecutor(4) as pool:
        for spent, answer in pool.map(cost, PROMPTS):
            assert spent.new_tokens == answer.num_new_tokens
            assert spent.prompt_tokens == answer.num_prompt_tokens


def test_pieces_are_the_answer(model):
    (whole,) = model.generate(PROMPTS[:1], SAMPLING)
    *pieces, answer = model.stream(PROMPTS[0], SAMPLING)
    assert isinstance(answer, Completion)
    assert "".join(pieces) == answer.text == whole.text


def test_who_stops_listening_frees_the_place(model):
    listening = model.stream(PROMPTS[0], Sampling(max_new_tokens=200))
    next(listening)
    listening.close()
    loop = engine_of(model.network).scheduler
    for thread in [t for t in threading.enumerate() if t.name == "decoding"]:
        thread.join(5)
    assert loop.is_idle


def test_a_failing_network_is_said_and_the_next_is_answered(model, monkeypatch):
    loop = engine_of(model.network).scheduler
    monkeypatch.setattr(loop, "_decode", lambda: 1 / 0)
    with pytest.raises(BackendError, match="the model failed while it answered"):
        model.generate(PROMPTS[:1], SAMPLING)
    monkeypatch.undo()
    assert model.generate(PROMPTS[:1], SAMPLING)[0].num_new_tokens == 12


def test_what_was_read_is_not_read_again(model):
    prompts = [Prompt("one two three four five six seven. " * 3 + end) for end in ("a?", "b?")]
    fresh = [model.generate([prompt], SAMPLING)[0] for prompt in prompts]
    engine_of(model.network).prefix_bytes = 10_000_000
    kept = [model.generate([prompt], SAMPLING)[0] for prompt in prompts]
    with metered() as meter:
        (again,) = model.generate(prompts[:1], SAMPLING)
    assert [answer.text for answer in kept] == [answer.text for answer in fresh]
    assert kept[0].num_cached_tokens == 0
    assert kept[1].num_cached_tokens > 10
    assert meter.cost.prompt_tokens == again.num_prompt_tokens - again.num_cached_tokens
    assert again.num_cached_tokens == again.num_prompt_tokens - 1


def test_rows_that_cannot_be_made_are_said(model, monkeypatch):
    def broken(*_):
        raise MemoryError("no room")

    monkeypatch.setattr("acclimate.inference.engine.sequence_batch.NetworkSource.new_batch", broken)
    with pytest.raises(BackendError, match="no room"):
        model.generate(PROMPTS[:1], SAMPLING)
    monkeypatch.undo()
    assert model.generate(PROMPTS[:1], SAMPLING)[0].num_new_tokens == 12


def test_a_stop_that_fails_harms_nobody_else(model, monkeypatch):
    (expected,) = model.generate(PROMPTS[1:2], SAMPLING)
    bad, good = Generation(model, PROMPTS[:1], SAMPLING), Generation(model, PROMPTS[1:2], SAMPLING)
    monkeypatch.setattr(bad.request, "is_stop", lambda ids: 1 / 0)
    with ThreadPoolExecutor(2) as pool:
        failing, going = pool.submit(bad.answers), pool.submit(good.answers)
        with pytest.raises(BackendError, match="division by zero"):
            failing.result(60)
        assert going.result(60)[0].text == expected.text


def test_many_failures_at_once_leave_nobody_waiting(model, monkeypatch):
    loop = engine_of(model.network).scheduler
    write, turns = loop._decode, iter(range(10**6))
    monkeypatch.setattr(loop, "_decode", lambda: 1 / 0 if next(turns) % 3 == 0 else write())

    def ask(prompt):
        try:
            return model.generate([prompt], SAMPLING)[0].num_new_tokens
        except BackendError:
            return None

    with ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(ask, prompt) for prompt in PROMPTS * 8]
        told = [one.result(120) for one in asked]
    assert None in told


def test_a_panic_of_a_library_is_said_and_the_next_is_answered(model, monkeypatch):
    class Panic(BaseException):
        """As of libraries written in Rust."""

    def panics():
        raise Panic("no way on")

    monkeypatch.setattr(engine_of(model.network).scheduler, "_decode", panics)
    with pytest.raises(BackendError, match="no way on"):
        model.generate(PROMPTS[:1], SAMPLING)
    monkeypatch.undo()
    assert model.generate(PROMPTS[:1], SAMPLING)[0].num_new_tokens == 12


def test_a_network_that_answered_is_not_kept_for_it(model_folder):
    model = HuggingFace(path=str(model_folder("llama"))).load()
    model.generate(PROMPTS[:2], SAMPLING)
    for thread in [t for t in threading.enumerate() if t.name == "decoding"]:
        thread.join(5)
    network = weakref.ref(model.network)
    del model
    gc.collect()
    assert network() is None


def test_what_other_weights_read_is_forgotten(model_folder):
    model = HuggingFace(path=str(model_folder("llama"))).load()
    engine_of(model.network).prefix_bytes = 10_000_000
    model.generate(PROMPTS[:1], SAMPLING)
    with torch.no_grad():
        model.network.model.layers[0].self_attn.v_proj.weight.mul_(-3)
    (answer,) = model.generate(PROMPTS[:1], SAMPLING)
    assert answer.num_cached_tokens == 0


def test_one_look_at_a_network_serves_all_who_ask_it_and_none_after_them(model):
    engine = engine_of(model.network)
    before = model.generate(PROMPTS[:1], SAMPLING)
    call = Request([NetworkSource(model.network, [[3, 4]])], Sampling(max_new_tokens=1), bool)
    engine.submit(call)
    assert engine.network_state(model.network) is engine.network_state(model.network)
    engine.release(call)
    assert engine.network_state(model.network) is not engine.network_state(model.network)
    with torch.no_grad():
        model.network.lm_head.weight.mul_(-1)
    assert model.generate(PROMPTS[:1], SAMPLING) != before


def test_who_left_is_answered_by_nobody_alone_or_joined(model):
    waiter = CancelToken()
    waiter.cancel()
    readers = [NetworkSource(model.network, [[3, 4, 5]])]
    with cancellable_by(waiter):
        with pytest.raises(CancelledError):
            model.generate(PROMPTS[:2], SAMPLING)
        with pytest.raises(CancelledError):
            decode_jointly(readers, SAMPLING, is_stop=bool, join=lambda logits, _: logits[0])


def test_a_thread_that_cannot_start_costs_one_call(model, monkeypatch):
    def cannot(_thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", cannot)
        with pytest.raises(RuntimeError, match="new thread"):
            model.generate(PROMPTS[:1], SAMPLING)
    assert model.generate(PROMPTS[:1], SAMPLING)[0].num_new_tokens


def test_weights_trained_while_a_stream_is_open_are_seen(model):
    # Rows are written by copies of the weights.
    held = model.stream(PROMPTS[0], SAMPLING)
    next(held)
    before = model.generate(PROMPTS[:1], SAMPLING)
    optimizer = torch.optim.SGD(model.network.parameters(), lr=1.0)
    model.network.lm_head.weight.grad = 2 * model.network.lm_head.weight.detach()
    optimizer.step()
    assert model.generate(PROMPTS[:1], SAMPLING) != before
    held.close()
