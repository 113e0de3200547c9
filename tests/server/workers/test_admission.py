"""Places: how many work at once, who waits, who is turned away, and how places come back."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from acclimate.core.model import Sampling
from acclimate.core.prompt import Prompt
from acclimate.inference.engine.engine import engine_of
from acclimate.server.api_errors import ApiError
from acclimate.server.limits import Limits
from acclimate.server.workers.admission import AdmissionQueue
from acclimate.server.workers.thread_pool import ThreadPool


@dataclass
class Makes:
    """A job that knows its pieces without any system."""

    make: Callable

    def pieces(self, systems, limits):
        return self.make()


def places_of(**limits):
    told = Limits(**limits)
    return AdmissionQueue(told, ThreadPool({}, told))


async def read(places, make):
    return [piece async for together in places.pieces(Makes(make)) for piece in together]


def endless(closed):
    """Pieces without end, and word of it when they are closed."""
    try:
        while True:
            time.sleep(0.01)
            yield 1
    finally:
        closed.set()


def waits(gate):
    """A piece that comes when it is let through."""
    gate.wait(5)
    yield 1


async def until(condition):
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


def test_pieces_come_in_order():
    async def work():
        places = places_of()
        assert await read(places, lambda: range(10_000)) == list(range(10_000))
        await until(lambda: places.taken == 0)

    asyncio.run(work())


def test_a_fault_comes_after_what_was_made():
    def breaks():
        yield 1
        raise ValueError("broken")

    async def work():
        pieces = places_of().pieces(Makes(breaks))
        assert await anext(pieces) == [1]
        with pytest.raises(ValueError, match="broken"):
            await anext(pieces)

    asyncio.run(work())


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, BaseException])
def test_what_would_end_the_process_ends_the_request(kind):
    def exits():
        yield 1
        raise kind(3)

    async def work():
        places = places_of()
        with pytest.raises(RuntimeError, match=f"{kind.__name__}: 3"):
            await read(places, exits)
        assert await read(places, lambda: [1]) == [1]

    asyncio.run(work())


def test_the_full_are_turned_away_and_the_rest_wait():
    gate = threading.Event()

    async def work():
        places = places_of(max_running=1, max_waiting=1)
        asked = [asyncio.ensure_future(read(places, lambda: waits(gate))) for _ in range(2)]
        await asyncio.sleep(0.05)
        assert (places.running, places.waiting) == (1, 1)
        with pytest.raises(ApiError) as caught:
            await read(places, lambda: waits(gate))
        assert caught.value.status == 429
        gate.set()
        assert await asyncio.gather(*asked) == [[1], [1]]
        await until(lambda: places.taken == 0)

    asyncio.run(work())


def test_who_takes_too_long_is_told_and_its_work_stopped():
    closed = threading.Event()

    async def work():
        places = places_of(request_seconds=0.1)
        with pytest.raises(ApiError) as caught:
            await read(places, lambda: endless(closed))
        assert caught.value.status == 504
        await until(closed.is_set)
        await until(lambda: places.taken == 0)

    asyncio.run(work())


def test_who_stops_reading_frees_the_place():
    closed = threading.Event()

    async def work():
        places = places_of()
        pieces = places.pieces(Makes(lambda: endless(closed)))
        await anext(pieces)
        await pieces.aclose()
        await until(closed.is_set)
        await until(lambda: places.taken == 0)

    asyncio.run(work())


def test_what_waits_and_is_given_up_is_never_begun():
    gate, begun = threading.Event(), []

    def notes():
        begun.append(1)
        yield 1

    async def work():
        places = places_of(max_running=1)
        first = asyncio.ensure_future(read(places, lambda: waits(gate)))
        await asyncio.sleep(0.05)
        second = asyncio.ensure_future(read(places, notes))
        await asyncio.sleep(0.05)
        second.cancel()
        await until(lambda: places.taken == 1)  # while the only thread is busy
        gate.set()
        await first
        await until(lambda: places.taken == 0)

    asyncio.run(work())
    assert begun == []


def test_closed_nothing_that_waits_is_begun_and_its_place_is_free():
    gate, begun = threading.Event(), []

    async def work():
        places = places_of(max_running=1)
        first = asyncio.ensure_future(read(places, lambda: waits(gate)))
        await asyncio.sleep(0.05)
        second = asyncio.ensure_future(read(places, lambda: begun.append(1) or [2]))
        await asyncio.sleep(0.05)
        places.workers.close()
        with pytest.raises(ApiError, match="shutting down"):
            await second
        gate.set()
        await first
        await until(lambda: places.taken == 0)
        assert await read(places, lambda: [3]) == [3]

    asyncio.run(work())
    assert begun == []


def test_who_goes_away_has_a_whole_batch_of_answers_stopped(tiny):
    prompts, sampling = [Prompt("a b c")] * 64, Sampling(max_new_tokens=200)
    asked = threading.Event()

    def answers():
        asked.set()
        yield tiny.generate(prompts, sampling)

    async def work():
        places = places_of()
        reading = asyncio.ensure_future(read(places, answers))
        await until(asked.is_set)
        loop = engine_of(tiny.network).scheduler
        await until(lambda: loop.running)
        call, _ = loop.running[0]
        reading.cancel()
        await until(lambda: places.taken == 0)
        assert max(len(drawing.written) for drawing in call.sampling_states) < 150

    asyncio.run(work())
