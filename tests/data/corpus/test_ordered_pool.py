"""Work in processes: in order, a few batches at a time."""

import os
import subprocess
import sys
import time

import psutil
import pytest

from acclimate.core.errors import BackendError
from acclimate.data.corpus.ordered_pool import map_in_order, num_processors


def slower_first(number):
    time.sleep(0.02 if number % 2 == 0 else 0)
    return number * number


def die(_number):
    os._exit(9)


@pytest.mark.parametrize("num_processes", [1, 2])
def test_results_come_in_the_order_of_the_batches(num_processes):
    found = list(map_in_order(slower_first, range(12), num_processes))
    assert found == [n * n for n in range(12)]


def test_batches_are_taken_as_they_are_needed():
    taken = []
    batches = (taken.append(n) or n for n in range(100))
    results = map_in_order(slower_first, batches, 2)
    assert next(results) == 0
    assert len(taken) <= 5
    results.close()
    assert len(taken) <= 5


def test_a_process_that_dies_is_one_sentence():
    with pytest.raises(BackendError, match="a process that cleaned documents died"):
        list(map_in_order(die, range(3), 2))


ENDLESS = """
import os
from acclimate.data.corpus.ordered_pool import map_in_order

def work(number):
    return os.getpid()

for pid in map_in_order(work, iter(int, 1), 2):
    print(pid, flush=True)
"""


def test_processes_end_when_the_one_that_started_them_is_killed(tmp_path):
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS)
    started = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE)
    pids = {int(started.stdout.readline()) for _ in range(200)}
    children = [psutil.Process(pid) for pid in pids]
    started.kill()
    started.stdout.close()
    started.wait()
    assert children
    assert psutil.wait_procs(children, timeout=10)[1] == []


def test_there_is_a_processor():
    assert num_processors() >= 1
