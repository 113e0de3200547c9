"""Members are built from the catalogues, and made by whoever keeps them."""

import pytest

from acclimate.core.data import TrainData
from acclimate.core.errors import ConfigError, UnknownNameError
from acclimate.core.members import fitted, given, labels_of, parts_of
from acclimate.core.method import Method, Part
from acclimate.core.notebook import fact, noted
from acclimate.methods.prompting.zero_shot import ZeroShot
from acclimate.models.local.recorded import Recorded


class Ensemble(Method):
    """Two members, the base one of them."""

    @property
    def parts(self):
        return parts_of([("zero_shot",), ()])

    def fit(self, base, data, *, seed):
        return fitted(self, base, data, seed)


def test_members_are_entries_by_name_with_their_fields():
    members = ["zero_shot", ("zero_shot", {"name": "few_shot"}), (), ("embedded", "zero_shot")]
    one, several, none, other = parts_of(members)
    assert isinstance(one.methods[0], ZeroShot)
    assert len(several.methods) == 2
    assert none.methods == ()
    assert (none.source, type(other.source).__name__) == (None, "Embedded")
    assert labels_of(members)[1:] == ["zero_shot + few_shot", "base", "embedded + zero_shot"]
    assert labels_of(["lora", {"name": "lora"}, ()]) == ["lora (1)", "lora (2)", "base"]
    with pytest.raises(UnknownNameError, match="did you mean zero_shot"):
        parts_of(["zero_sot"])
    with pytest.raises(ConfigError, match=r"embedded is a model, .* name it first"):
        parts_of([("zero_shot", "embedded")])


def test_a_table_of_answers_can_be_one(tmp_path):
    (part,) = parts_of([{"name": "recorded", "path": str(tmp_path / "answers.csv")}])
    assert isinstance(part.source, Recorded)
    assert part.methods == ()


def test_what_their_fits_tell_is_not_told_as_the_ensembles(tiny, small_data):
    class Telling(Method):
        def fit(self, base, data, *, seed):
            fact("score on dev", 1.0)
            return base

    class Outer(Ensemble):
        @property
        def parts(self):
            return (Part((Telling(),)), Part())

    with noted() as book:
        Outer().fit(tiny, small_data, seed=0)
    assert not book.facts


def test_they_are_made_now_or_were_before(tiny, small_data):
    first, base = Ensemble().fit(tiny, small_data, seed=0)
    assert base is tiny
    assert first is not tiny
    with given([tiny, first]):
        assert Ensemble().fit(tiny, TrainData(), seed=0) == (tiny, first)
    assert Ensemble().fit(tiny, small_data, seed=0)[1] is tiny
