"""Rows come and go between tokens, and each answer is what it would be alone."""

import pytest
import torch

from acclimate.core.model import Sampling
from acclimate.inference.engine import scheduler as module
from acclimate.inference.engine.request import Request
from acclimate.inference.engine.scheduler import Scheduler
from acclimate.inference.engine.sequence_batch import NetworkSource
from acclimate.inference.generate import decode
from acclimate.models.local.huggingface import HuggingFace

FIRST = [[5, 6, 7], [9, 8, 44, 10, 11]]
LATER = [[(7 * i) % 390 + 2 for i in range(60)], [3, 4]]


@pytest.fixture(params=["llama", "mistral", "gpt2", "t5"])
def network(request, model_folder):
    return HuggingFace(path=str(model_folder(request.param))).load().network


def call(network, contexts, num_tokens, is_stop=lambda ids: False):
    return Request([NetworkSource(network, contexts)], Sampling(max_new_tokens=num_tokens), is_stop)


def alone(network, contexts, num_tokens):
    sampling = Sampling(max_new_tokens=num_tokens)
    return [decode(network, [own], sampling, is_stop=lambda ids: False)[0] for own in contexts]


def written(asked):
    return [drawing.written for drawing in asked.sampling_states]


def test_who_joins_later_changes_nobody(network, monkeypatch):
    monkeypatch.setattr(module, "CHUNK_TOKENS", 8)
    loop, first, later = Scheduler(), call(network, FIRST, 12), call(network, LATER, 5)
    loop.add(first)
    for _ in range(3):
        loop.step()
    loop.add(later)
    while not loop.is_idle:
        loop.step()
    assert written(first) == alone(network, FIRST, 12)
    assert written(later) == alone(network, LATER, 5)


def test_answers_go_on_while_a_long_prompt_is_read(model_folder, monkeypatch):
    network = HuggingFace(path=str(model_folder("llama"))).load().network
    monkeypatch.setattr(module, "CHUNK_TOKENS", 8)
    loop, first, later = Scheduler(), call(network, FIRST[:1], 30), call(network, LATER[:1], 4)
    loop.add(first)
    loop.step()
    loop.add(later)
    lengths = []
    while not later.sampling_states[0].written:
        loop.step()
        lengths.append(len(first.sampling_states[0].written))
    assert len(lengths) == -(-60 // 9)
    assert lengths == list(range(2, 2 + len(lengths)))


def test_no_more_rows_than_there_is_room_for(model_folder):
    network = HuggingFace(path=str(model_folder("llama"))).load().network
    contexts = [[5 + i, 6, 7] for i in range(6)]
    loop, asked = Scheduler(max_kv_tokens=2 * (3 + 8)), call(network, contexts, 8)
    loop.add(asked)
    most = 0
    while not loop.is_idle:
        loop.step()
        most = max(most, len(loop.running))
    assert most == 2
    assert written(asked) == alone(network, contexts, 8)


def test_a_prompt_larger_than_all_room_is_read_by_itself(model_folder):
    network = HuggingFace(path=str(model_folder("llama"))).load().network
    loop, asked = Scheduler(max_kv_tokens=10), call(network, LATER, 3)
    loop.add(asked)
    while not loop.is_idle:
        loop.step()
    assert written(asked) == alone(network, LATER, 3)


def test_who_is_cancelled_leaves_and_the_rest_go_on(model_folder):
    network = HuggingFace(path=str(model_folder("llama"))).load().network
    loop, gone, stays = Scheduler(), call(network, FIRST[:1], 50), call(network, FIRST[1:], 10)
    loop.add(gone)
    loop.add(stays)
    loop.step()
    gone.is_cancelled = True
    turns = 1
    while not loop.is_idle:
        loop.step()
        turns += 1
    assert turns <= 11
    assert written(stays) == alone(network, FIRST[1:], 10)


def test_a_failure_is_told_to_those_in_flight_alone(model_folder):
    network = HuggingFace(path=str(model_folder("llama"))).load().network
    loop, first, later = (
        Scheduler(max_kv_tokens=20),
        call(network, FIRST[:1], 10),
        call(network, FIRST, 10),
    )
    loop.add(first)
    loop.step()
    loop.add(later)
    loop.fail(RuntimeError("no memory"))
    told = [first.events.get() for _ in range(first.events.qsize())]
    assert isinstance(told[-1], RuntimeError)
    while not loop.is_idle:
        loop.step()
    assert written(later) == alone(network, FIRST, 10)


def test_draws_of_a_row_do_not_depend_on_its_neighbours(model_folder):
    network = HuggingFace(path=str(model_folder("llama"))).load().network
    torch.manual_seed(0)
    sampling = Sampling(max_new_tokens=8, temperature=1.0, seed=3)

    def draw(contexts):
        return decode(network, contexts, sampling, is_stop=lambda ids: False)

    assert draw(FIRST)[0] == draw(FIRST[:1])[0]


def test_a_short_prompt_waits_for_company_where_many_write(model_folder, monkeypatch):
    network = HuggingFace(path=str(model_folder("llama"))).load().network
    monkeypatch.setattr(module, "SEQUENCES_PER_STEP", 2)
    loop, many, late = Scheduler(), call(network, [[5 + i, 6] for i in range(8)], 40), None
    loop.add(many)
    loop.step()
    late = call(network, FIRST[:1], 3)
    loop.add(late)
    turns = 0
    while not late.sampling_states[0].written:
        loop.step()
        turns += 1
    assert turns == 8 // 2 + 1
    crowd = call(
        network, [LATER[0], LATER[0][::-1]], 3
    )  # of as many tokens as are worth a pass at once
    loop.add(crowd)
    loop.step()
    assert loop.prefill is not None or all(drawing.written for drawing in crowd.sampling_states)


def test_who_listens_is_told_now_and_then_and_of_the_end(model_folder, monkeypatch):
    network = HuggingFace(path=str(model_folder("llama"))).load().network

    def heard(most):
        monkeypatch.setattr(module, "MAX_EVENTS_PER_SECOND", most)
        loop, asked = Scheduler(), call(network, FIRST[:1], 12)
        asked.is_streamed = True
        loop.add(asked)
        while not loop.is_idle:
            loop.step()
        return [asked.events.get().is_over for _ in range(asked.events.qsize())]

    assert heard(1e9) == [False] * 11 + [True]
    assert heard(1e-9) == [False, True]
