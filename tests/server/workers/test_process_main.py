"""How many processes may answer from the same systems side by side."""

from acclimate.core.rewriter import unwrap
from acclimate.nn import threads
from acclimate.prompting.demonstrations import FewShotModel
from acclimate.server.workers.process_main import num_side_by_side
from acclimate.server.workers.process_setup import processors
from server.small_systems import Says


def test_small_networks_leave_processors_to_others(tiny):
    around = unwrap(FewShotModel(tiny, {}, 1, "first")).rewrap(tiny)
    assert num_side_by_side({"one": tiny, "two": around}) == len(processors())


def test_large_ones_and_those_of_others_do_not(tiny, monkeypatch):
    assert num_side_by_side({"says": Says("yes")}) == 1
    assert num_side_by_side({"one": tiny, "says": Says("yes")}) == 1
    monkeypatch.setattr(threads, "SMALL_PARAMS", tiny.network.num_parameters())
    assert num_side_by_side({"one": tiny}) == 1
