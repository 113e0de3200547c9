"""A model's key holds all that it follows from; members are fitted, counted and kept once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from acclimate.core.method import CompositeMethod
from acclimate.core.model import Model, Sampling
from acclimate.core.storage.artifact_store import Store
from acclimate.core.storage.saved_model import descendants
from acclimate.ensembles.members import as_children, build_member_specs
from acclimate.methods.ensembles.output_vote import OutputVote
from acclimate.methods.ensembles.sac import Sac
from acclimate.methods.tuning.continued_pretraining import ContinuedPretraining
from acclimate.methods.tuning.full_finetuning import FullFinetuning
from acclimate.nn import fast_linear as linear
from acclimate.study.fit_cache import FitCache, FittedModel

SHORT = {"name": "full_finetuning", "training": {"num_epochs": 0.1}, "learning_rate": 1e-3}


@dataclass(frozen=True)
class First(Model):
    """Answers as its first member does."""

    members: tuple[Model, ...]

    def generate(self, prompts, sampling):
        return self.members[0].generate(prompts, sampling)

    def loglikelihood(self, pairs):
        return self.members[0].loglikelihood(pairs)

    @property
    def children(self) -> Mapping[str, Model]:
        return as_children(self.members)

    def write(self, folder) -> dict[str, Any]:
        return {}

    @classmethod
    def read(cls, folder, fields, children):
        return cls(tuple(children.values()))


class FirstOf(CompositeMethod):
    """Two members: one tuned, and the base."""

    @property
    def member_specs(self):
        return build_member_specs([(SHORT,), ()])

    def combine(self, members, base, data, *, seed):
        return First(members)


class VoteInside(FirstOf):
    """Two members, and a vote of three others that it fits itself."""

    def combine(self, members, base, data, *, seed):
        vote = OutputVote(members=("zero_shot", "one_shot", "few_shot"))
        return First((vote.fit(base, data, seed=seed), *members))


@pytest.fixture
def workshop(tiny, small_data, tmp_path):
    return lambda: FitCache(FittedModel(tiny, "ba5e"), small_data, Store(tmp_path / "store"))


def test_a_member_is_that_of_the_study(workshop, monkeypatch):
    fits = []
    real = FullFinetuning.fit
    monkeypatch.setattr(FullFinetuning, "fit", lambda *a, **k: fits.append(1) or real(*a, **k))
    shop = workshop()
    own = shop.node((FullFinetuning(**{k: v for k, v in SHORT.items() if k != "name"}),), 0)
    made = shop.node((FirstOf(),), 0)
    assert made.model.members[0] is own.model
    assert len(fits) == 1
    # What the member took is counted once, however many use it.
    assert made.cost.train_tokens == own.cost.train_tokens > 0


def test_it_is_kept_without_its_members_and_found_again(workshop, tmp_path):
    made = workshop().node((FirstOf(),), 0)
    weights = list((tmp_path / "store").rglob("*.safetensors"))
    assert len(weights) == 1
    again = workshop().node((FirstOf(),), 0)
    assert again.cost.train_tokens == made.cost.train_tokens
    assert [type(m) for _, m in descendants(again.model)] == [
        type(m) for _, m in descendants(made.model)
    ]


def test_an_ensemble_fitted_inside_a_fit_has_its_own_members(workshop, tiny, small_data):
    by_hand = VoteInside().fit(tiny, small_data, seed=0)
    in_study = workshop().node((VoteInside(),), 0).model
    prompt = next(small_data.pairs("dev"))[0]
    for model in (by_hand, in_study):
        vote, *members = model.members
        assert len(vote.members) == 3
        assert not {id(member) for member in members} & {id(member) for member in vote.members}
    sampling = Sampling(max_new_tokens=4)
    assert by_hand.generate([prompt], sampling) == in_study.generate([prompt], sampling)


def test_other_members_are_another_ensemble(workshop, monkeypatch):
    shop = workshop()
    before = shop.key((FirstOf(),), 0)
    monkeypatch.setattr(FirstOf, "member_specs", property(lambda _: build_member_specs([()])))
    assert shop.key((FirstOf(),), 0) != before


def test_another_content_of_a_file_that_is_read_is_another_model(tiny, small_data, tmp_path):
    workshop = FitCache(FittedModel(tiny, "base"), small_data, Store(tmp_path / "store"))
    text = tmp_path / "general.txt"
    text.write_text("The sea is wide.")
    replayed = {"replay_share": 0.5, "replay_path": str(text)}
    for kind in (FullFinetuning, ContinuedPretraining):
        method = kind(retention=replayed)
        before = workshop.key((method,), 0)
        assert workshop.key((method,), 0) == before
        text.write_text(f"{text.read_text()} The night is long.")
        assert workshop.key((method,), 0) != before
        os.utime(text, (1, 1))
        unread = kind(retention={**replayed, "replay_share": 0.0})
        before = workshop.key((unread,), 0)
        text.write_text("Nobody reads it.")
        assert workshop.key((unread,), 0) == before


def test_so_is_another_content_of_a_reward_of_the_users_own(tiny, small_data, tmp_path):
    workshop = FitCache(FittedModel(tiny, "base"), small_data, Store(tmp_path / "store"))
    own = tmp_path / "reward.py"
    own.write_text("def reward(item, answer):\n    return 1.0\n")
    method = Sac(objectives={str(own): 1.0, "brevity": 0.5})
    before = workshop.key((method,), 0)
    own.write_text("def reward(item, answer):\n    return float(len(answer))\n")
    assert workshop.key((method,), 0) != before


def test_the_product_of_matrices_stands_in_the_artifact(tiny, small_data, tmp_path, monkeypatch):
    store = Store(tmp_path)
    workshop = FitCache(FittedModel(tiny, "base"), small_data, store)
    for is_onednn, product in ((True, "oneDNN"), (False, "the default of PyTorch")):
        monkeypatch.setattr(linear, "_chosen", [is_onednn])
        methods = (FullFinetuning(learning_rate=1e-3 + is_onednn * 1e-4),)
        node = workshop.node(methods, seed=0)
        assert store.about(node.key)["matrix_product"] == product
