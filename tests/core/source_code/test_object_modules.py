"""Which modules the classes in an object come from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial

import torch

from acclimate.core.runtime.cost import Cost
from acclimate.core.source_code.object_modules import modules_of
from acclimate.nn.adapters.low_rank import LowRank
from acclimate.training.losses import next_token_loss


@dataclass
class Holder:
    inside: object = None
    lists: Mapping[str, object] = field(default_factory=dict)

    @cached_property
    def worked_out(self):
        return Cost()


def test_of_fields_containers_functions_and_what_is_bound():
    assert modules_of(Holder()) == {__name__}
    assert modules_of(Holder(Cost())) >= {
        __name__,
        "acclimate.core.runtime.cost",
        "acclimate.core.record",
    }
    assert "acclimate.core.runtime.cost" in modules_of(Holder(lists={"a": [(Cost(),)]}))
    assert "acclimate.training.losses" in modules_of(partial(next_token_loss))
    cost = Cost()
    assert "acclimate.core.runtime.cost" in modules_of(lambda: cost)
    assert __name__ in modules_of(Holder().__eq__)
    assert "acclimate.core.runtime.cost" in modules_of(Cost)


def test_of_layers_inside_a_network_of_a_library(tiny):
    from acclimate.methods.tuning.lora import LoRA

    assert "acclimate.inference.local_model" in modules_of(tiny)
    assert LoRA.__module__ in modules_of(LoRA())
    outer = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Sequential())
    assert modules_of(outer) == set()

    class Ours(torch.nn.Module):
        pass

    outer[1].append(Ours())
    assert modules_of(outer) == {__name__}
    assert LowRank.__module__ == "acclimate.nn.adapters.low_rank"


def test_what_was_only_worked_out_does_not_count():
    one = Holder()
    before = modules_of(one)
    assert one.worked_out == Cost()
    assert modules_of(one) == before


def test_a_circle_ends():
    one = Holder()
    one.inside = [one]
    assert modules_of(one) == {__name__}
    assert modules_of("text") == set()
