"""Members are built from the catalogues, and made by whoever keeps them."""

import pytest

from acclimate.core.domain import TrainData
from acclimate.core.errors import ConfigError, UnknownNameError
from acclimate.core.method import CompositeMethod, MemberSpec, Method
from acclimate.core.runtime.fit_log import collect_log, log_value
from acclimate.ensembles.members import build_member_specs, labels_of
from acclimate.methods.prompting.zero_shot import ZeroShot
from acclimate.models.local.recorded import Recorded


class Ensemble(CompositeMethod):
    """Two members, the base one of them."""

    @property
    def member_specs(self):
        return build_member_specs([("zero_shot",), ()])

    def combine(self, members, base, data, *, seed):
        return members


def test_members_are_entries_by_name_with_their_fields():
    members = ["zero_shot", ("zero_shot", {"name": "few_shot"}), (), ("embedded", "zero_shot")]
    one, several, none, other = build_member_specs(members)
    assert isinstance(one.methods[0], ZeroShot)
    assert len(several.methods) == 2
    assert none.methods == ()
    assert (none.source, type(other.source).__name__) == (None, "Embedded")
    assert labels_of(members)[1:] == ["zero_shot + few_shot", "base", "embedded + zero_shot"]
    assert labels_of(["lora", {"name": "lora"}, ()]) == ["lora (1)", "lora (2)", "base"]
    with pytest.raises(UnknownNameError, match="did you mean zero_shot"):
        build_member_specs(["zero_sot"])
    with pytest.raises(ConfigError, match=r"embedded is a model, .* name it first"):
        build_member_specs([("zero_shot", "embedded")])


def test_a_table_of_answers_can_be_one(tmp_path):
    (part,) = build_member_specs([{"name": "recorded", "path": str(tmp_path / "answers.csv")}])
    assert isinstance(part.source, Recorded)
    assert part.methods == ()


def test_what_their_fits_tell_is_not_told_as_the_ensembles(tiny, small_data):
    class Telling(Method):
        def fit(self, base, data, *, seed):
            log_value("score on dev", 1.0)
            return base

    class Outer(Ensemble):
        @property
        def member_specs(self):
            return (MemberSpec((Telling(),)), MemberSpec())

    with collect_log() as book:
        Outer().fit(tiny, small_data, seed=0)
    assert not book.facts


def test_they_are_made_now_or_were_before(tiny, small_data):
    first, base = Ensemble().fit(tiny, small_data, seed=0)
    assert base is tiny
    assert first is not tiny
    given = Ensemble().fit(tiny, TrainData(), seed=0, members=[tiny, first])
    assert given == (tiny, first)
    assert Ensemble().fit(tiny, small_data, seed=0)[1] is tiny


def test_as_many_are_given_as_it_has(tiny, small_data):
    with pytest.raises(ConfigError, match=r"1 models .* of Ensemble, which has 2; give one each"):
        Ensemble().fit(tiny, small_data, seed=0, members=[tiny])
