"""Processes that answer: what comes back, who is busy, what breaks down, and how they end."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from acclimate.core.errors import BackendError, ConfigError
from acclimate.server.api_errors import ApiError
from acclimate.server.jobs import ChatJob
from acclimate.server.limits import Limits
from acclimate.server.openai.requests import ChatRequest
from acclimate.server.workers import process_handle as worker_process
from acclimate.server.workers import process_pool as module
from acclimate.server.workers.admission import AdmissionQueue
from acclimate.server.workers.process_handle import STOP_SECONDS, WorkerProcess
from acclimate.server.workers.process_pool import ProcessPool
from server import worker_systems
from server.running import until

LIMITS = Limits()


def chat(model, question="x", **fields):
    said = [{"role": "user", "content": question}]
    return ChatJob.of(ChatRequest(model=model, messages=said, **fields), LIMITS)


async def read(places, job):
    return [piece async for together in places.pieces(job) for piece in together]


def told(places, *asked, **fields):
    """What is said to a question."""
    return asyncio.run(read(places, chat(*asked, **fields)))


@pytest.fixture(scope="module")
def places():
    """Places before one process."""
    workers = ProcessPool(worker_systems.speaking, LIMITS)
    yield AdmissionQueue(LIMITS, workers)
    workers.close()


def is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_what_is_loaded_is_told(places):
    assert places.workers.names == ("tells", "waits", "says")
    assert places.workers.loaded.tasks == ("law",)
    assert (places.workers.num_ready, places.workers.num_loading) == (1, 0)


def test_answers_come_whole_from_another_process(places):
    text, answer = told(places, "says")
    assert (text, answer.text) == ("yes", "yes")
    assert answer.passages[0].title == "The laws"
    answers = told(places, "says", n=3)
    assert [answer.text for answer in answers] == ["yes 0", "yes 0", "yes 1"]
    (process, _) = told(places, "tells")
    assert [int(process)] == list(places.workers.process_ids) != [os.getpid()]


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        (("tells", "data"), 422, "the question is wrong; ask another"),
        (("tells", "bug"), 500, "the server failed on this request"),
    ],
)
def test_faults_are_told_as_clients_are_told_them(places, asked, status, said, capfd):
    with pytest.raises(ApiError, match=said) as caught:
        told(places, *asked)
    assert caught.value.status == status
    until(lambda: places.taken == 0)
    assert "secret detail" not in str(caught.value)


def test_a_refusal_is_the_same_on_the_other_side(places):
    job = ChatJob.of(
        ChatRequest(model="says", messages=[{"role": "assistant", "content": "x"}]), LIMITS
    )
    with pytest.raises(ApiError, match="the last message must be the user's") as caught:
        asyncio.run(read(places, job))
    assert (caught.value.status, caught.value.param, caught.value.code) == (422, "messages", "")


def test_who_stops_reading_stops_the_work(places):
    async def work():
        pieces = places.pieces(chat("waits"))
        assert (await anext(pieces))[0] == "0 "
        await pieces.aclose()

    asyncio.run(work())
    until(lambda: places.taken == 0)


def test_a_signal_to_all_processes_ends_none(places):
    (process,) = places.workers.process_ids
    for one in (signal.SIGINT, signal.SIGTERM):
        os.kill(process, one)
    assert told(places, "tells")[0] == str(process)


def test_one_that_breaks_down_ends_its_own_work_and_another_comes(places, caplog):
    (before,) = places.workers.process_ids

    async def both():
        pieces = places.pieces(chat("waits"))
        await anext(pieces)
        with pytest.raises(ApiError, match="broke down; another takes over") as caught:
            await read(places, chat("tells", "die"))
        assert caught.value.status == 500
        with pytest.raises(ApiError, match="broke down"):
            [piece async for piece in pieces]

    asyncio.run(both())
    until(lambda: places.taken == 0)
    until(lambda: places.workers.num_ready and list(places.workers.process_ids) != [before])
    (after,) = map(int, told(places, "tells")[:1])
    assert after != before
    assert "broke down (killed by SIGKILL)" in caplog.text
    assert not is_alive(before)


@pytest.mark.skipif(not hasattr(signal, "SIGRTMIN"), reason="all signals have names here")
def test_a_signal_without_a_name_is_told_by_its_number(places, caplog):
    (before,) = places.workers.process_ids
    os.kill(before, signal.SIGRTMIN + 1)
    until(lambda: places.workers.num_ready and list(places.workers.process_ids) != [before])
    assert f"broke down (killed by signal {signal.SIGRTMIN + 1})" in caplog.text


def test_one_that_hangs_holds_nobody_up(monkeypatch):
    monkeypatch.setattr(worker_process, "STOP_SECONDS", 0.1)
    workers = ProcessPool(worker_systems.speaking, LIMITS)
    (process,) = workers.process_ids
    os.kill(process, signal.SIGSTOP)
    ended = []

    def ask_and_close():
        places = AdmissionQueue(LIMITS, workers)
        asked = [places.pieces(chat("says", "x" * 2**20)) for _ in range(2)]

        async def ask():
            waiting = [asyncio.ensure_future(anext(pieces)) for pieces in asked]
            await asyncio.sleep(0)
            workers.close()
            ended.extend(await asyncio.gather(*waiting, return_exceptions=True))

        asyncio.run(ask())

    asking = threading.Thread(target=ask_and_close, daemon=True)
    asking.start()
    asking.join(5)
    if asking.is_alive():
        os.kill(process, signal.SIGKILL)
    assert ["broke down" in str(error) for error in ended] == [True, True]
    assert not is_alive(process)


def test_while_there_is_none_requests_are_told_to_come_again(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(module, "RESTART_SECONDS", 0.1)
    workers = ProcessPool(worker_systems.Once(tmp_path / "loaded"), LIMITS)
    places = AdmissionQueue(LIMITS, workers)
    with pytest.raises(ApiError, match="broke down"):
        told(places, "tells", "die")
    until(lambda: "no process is started in its place yet: the disk is gone" in caplog.text)
    assert (workers.num_ready, workers.num_loading) == (0, 1)
    with pytest.raises(ApiError, match="being loaded again") as caught:
        told(places, "says")
    assert caught.value.status == 503
    assert places.taken == 0
    (tmp_path / "loaded").unlink()
    until(lambda: workers.num_ready)
    assert told(places, "says")[0] == "yes"
    assert len(workers.process_ids) == 1
    workers.close()


def test_the_least_busy_is_asked(monkeypatch):
    shares = [module.ProcessShare(LIMITS, None)] * 2
    monkeypatch.setattr(module, "_shares", lambda *_: shares)
    workers = ProcessPool(worker_systems.speaking, LIMITS)
    places = AdmissionQueue(LIMITS, workers)

    async def work():
        busy = [places.pieces(chat("waits"))]
        await anext(busy[0])
        first = (await read(places, chat("tells")))[0]
        busy += [places.pieces(chat("waits")) for _ in range(2)]
        for pieces in busy[1:]:
            await anext(pieces)
        # One does two things now, the other one.
        second = (await read(places, chat("tells")))[0]
        for pieces in busy:
            await pieces.aclose()
        return first, second

    try:
        until(lambda: (workers.num_ready, workers.num_loading) == (2, 0))
        first, second = asyncio.run(work())
        assert first == second == str(workers._ready[1].process_id)
    finally:
        workers.close()
    until(lambda: workers.process_ids == [])


def test_shares_of_memory_and_places(monkeypatch):
    monkeypatch.setattr(module, "processors", lambda: [3, 5])
    limits = Limits(max_running=5, prefix_bytes=10)
    alone, (first, second) = module._shares(limits, 1), module._shares(limits, 2)
    assert alone == [module.ProcessShare(limits, None)]
    assert (first.processor, second.processor) == (3, 5)
    assert (first.limits.max_running, first.limits.prefix_bytes) == (2, 5)
    assert len(module._shares(Limits(max_running=1), 2)) == 1
    few = module._shares(Limits(max_workers=2), 8)
    assert [share.processor for share in few] == [3, 5]
    monkeypatch.setattr(module, "processors", lambda: list(range(8)))
    few = module._shares(Limits(max_workers=2), 8)
    assert [share.processor for share in few] == [None, None]


@pytest.mark.parametrize(
    ("load", "kind", "said"),
    [
        (worker_systems.missing, ConfigError, "there is no such folder"),
        (worker_systems.broken, BackendError, "the disk is gone"),
        (worker_systems.unreadable, BackendError, "Permission denied: 'weights'"),
        (worker_systems.killed, BackendError, "broke down .killed by SIGKILL."),
    ],
)
def test_what_cannot_be_loaded_is_told_where_it_is_started(load, kind, said):
    with pytest.raises(kind, match=said):
        ProcessPool(load, LIMITS)


SCRIPT = """
import os, sys
sys.path.insert(0, sys.argv[1])
from acclimate.server.limits import Limits
from acclimate.server.workers.process_pool import ProcessPool
from server.worker_systems import speaking
if __name__ == "__main__":
    print(*ProcessPool(speaking, Limits()).process_ids, flush=True)
    os.kill(os.getpid(), 9)
"""


def test_without_a_server_no_process_stays(pytestconfig):
    tests = str(pytestconfig.rootpath / "tests")
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, tests], stdout=subprocess.PIPE, check=False, timeout=60
    )
    until(lambda: not is_alive(int(ended.stdout)))


def test_closed_while_it_loads_it_ends_at_once():
    process = WorkerProcess(worker_systems.endless)
    start = time.monotonic()
    process.stop()
    assert time.monotonic() - start < STOP_SECONDS
    assert not is_alive(process.process_id)
    with pytest.raises(BackendError, match=r"broke down \(killed by SIGKILL\)"):
        process.loaded()
