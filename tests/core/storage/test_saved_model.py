"""Saved models: folders of plain JSON that name only our classes and stay inside themselves."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from acclimate.core.errors import BackendError
from acclimate.core.model import Completion, LogLikelihood, Model, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.rewriter import PromptRewriter
from acclimate.core.storage.saved_model import descendants, load_model, save_model


class Echo(Model):
    """Says the question again."""

    def __init__(self, mark="!"):
        self.mark = mark

    def generate(self, prompts, sampling):
        return [Completion(p.question + self.mark) for p in prompts]

    def loglikelihood(self, pairs):
        return [LogLikelihood(-1.0, 1, len(text)) for _, text in pairs]

    def write(self, folder):
        (folder / "mark.txt").write_text(self.mark)
        return {}

    @classmethod
    def read(cls, folder, fields, children):
        return cls((folder / "mark.txt").read_text())


@dataclass(frozen=True)
class Prefixed(PromptRewriter):
    """Says words before the question."""

    words: str

    def render(self, prompts):
        return [p.with_parts(question=self.words + p.question) for p in prompts]


@dataclass(frozen=True)
class First(Model):
    """Has several inside, answers as the first."""

    members: Mapping[str, Model]

    def generate(self, prompts, sampling):
        return self.members["a"].generate(prompts, sampling)

    def loglikelihood(self, pairs):
        return self.members["a"].loglikelihood(pairs)

    @property
    def children(self):
        return self.members

    def write(self, folder):
        return {}

    @classmethod
    def read(cls, folder, fields, children):
        return cls(children)


def said(model):
    return model.generate([Prompt("hi")], Sampling())[0].text


def test_everything_inside_is_saved(tmp_path):
    model = Prefixed(Prefixed(Echo("?"), "in "), "out ")
    save_model(model, tmp_path / "m")
    again = load_model(tmp_path / "m")
    assert said(again) == said(model) == "in out hi?"
    assert isinstance(again.inner.inner, Echo)


def test_what_is_outside_is_named_and_not_written(tmp_path):
    base = Prefixed(Echo(), "in ")
    model = First({"a": Prefixed(base, "x "), "b": base.inner})
    save_model(model, tmp_path / "m", outside=base)
    assert list((tmp_path / "m").rglob("mark.txt")) == []
    again = load_model(tmp_path / "m", outside=base)
    assert again.members["a"].inner is base
    assert again.members["b"] is base.inner
    with pytest.raises(BackendError, match="saved around a model that was not given"):
        load_model(tmp_path / "m")


def test_descendants_are_named_by_their_path():
    core = Echo()
    model = First({"a": Prefixed(core, ""), "b": core})
    assert [path for path, _ in descendants(model)] == ["", "a", "a/inner", "b"]
    assert [m for path, m in descendants(model) if path == "a/inner"] == [core]


def changed(folder, **fields):
    path = folder / "model.yaml"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"model": "os:system"}, "is not a Model|only models of acclimate"),
        ({"model": "antigravity:x"}, "antigravity:x: only models of acclimate and its plugins"),
        ({"model": "acclimate.core.domain:Item"}, "acclimate.core.domain:Item: is not a Model"),
        ({"model": "acclimate.core.domain:Nothing"}, "is not a Model"),
        ({"model": "acclimate.no_such:Thing"}, "acclimate.no_such:Thing: this version has no such"),
        ({"children": {"inner": {"folder": "../other"}}}, "may not point outside its folder"),
        ({"children": {"inner": {"folder": "/"}}}, "may not point outside its folder"),
        ({"children": {"inner": {"folder": "gone"}}}, "not a model saved by acclimate"),
        ({"children": {}}, "not a model saved by acclimate"),
    ],
)
def test_what_may_not_be_is_refused(tmp_path, fields, fault):
    save_model(Prefixed(Echo(), "x"), tmp_path / "m")
    save_model(Echo(), tmp_path / "other")
    changed(tmp_path / "m", **fields)
    with pytest.raises(BackendError, match=fault):
        load_model(tmp_path / "m")


@pytest.mark.parametrize(
    "text", [None, "", "{", "[1]", "{}", '{"model": 3, "fields": {}, "children": {}}']
)
def test_what_is_no_saved_model_is_one_sentence(tmp_path, text):
    if text is not None:
        (tmp_path / "model.yaml").write_text(text)
    with pytest.raises(BackendError, match="not a model saved by acclimate"):
        load_model(tmp_path)


def test_manifest_is_yaml_and_json(tmp_path):
    yaml = pytest.importorskip("yaml")
    save_model(Prefixed(Echo(), "schön "), tmp_path / "m")
    text = (tmp_path / "m" / "model.yaml").read_text()
    assert yaml.safe_load(text) == json.loads(text)
    assert json.loads(text)["fields"] == {"words": "schön "}


def test_what_several_share_is_written_once_and_read_as_one(tmp_path):
    shared = Echo("?")
    whole = First({"a": Prefixed(shared, "so "), "b": Prefixed(shared, "and ")})
    save_model(whole, tmp_path / "whole")
    assert len(list((tmp_path / "whole").rglob("mark.txt"))) == 1
    again = load_model((tmp_path / "whole").rename(tmp_path / "moved"))
    assert again.members["a"].inner is again.members["b"].inner
    assert again.members["b"].inner.mark == "?"
    with pytest.raises(BackendError, match="load the whole"):
        load_model(tmp_path / "moved" / "b")
