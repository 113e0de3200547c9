"""What was saved under paths of before the move, one of every kind, loads and answers as it did.

The folders in `tests/saved_before` were written by the code before the move, with the answers that
its models gave then (the matrix product forced to PyTorch's default, one thread).
"""

import inspect
import json
import shutil
from pathlib import Path

import pytest

from acclimate.core.errors import BackendError, MissingExtraError
from acclimate.core.model import Model, Sampling
from acclimate.core.storage.kinds import class_of, kind_of, kinds
from acclimate.core.storage.old_class_paths import OLD_CLASS_PATHS
from acclimate.core.storage.saved_model import MODEL_FILE, descendants, load_model, save_model
from acclimate.ensembles.token_level.mixtures import CombinationRule
from acclimate.nn import fast_linear
from acclimate.nn.adapters.interface import Adapter

BEFORE = Path(__file__).parents[2] / "saved_before"
EXPECTED = json.loads((BEFORE / "expected.json").read_text())


@pytest.fixture(autouse=True)
def default_product(monkeypatch):
    monkeypatch.setattr(fast_linear, "_chosen", [False])


@pytest.fixture(scope="module")
def base():
    return load_model(BEFORE / "models" / "base")


def loaded(folder, base):
    try:
        return load_model(folder, outside={"base": base})
    except MissingExtraError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_it_answers_as_it_did(name, base, small_domain, tmp_path):
    folder = tmp_path / name
    shutil.copytree(BEFORE / "models" / name, folder)  # who reads may write locks beside it
    model = loaded(folder, base)
    prompts = [task.prompt(task.items[0]) for task in small_domain.test]
    answers = model.generate(prompts, Sampling(max_new_tokens=4))
    assert [answer.text for answer in answers] == EXPECTED[name]["answers"]
    if EXPECTED[name]["logprobs"]:
        pairs = [(prompt, word) for prompt in prompts for word in ("red", "seeds")]
        logprobs = [weighed.logprob for weighed in model.loglikelihood(pairs)]
        assert logprobs == pytest.approx(EXPECTED[name]["logprobs"], abs=1e-4)
    save_model(model, tmp_path / "again", outside={"base": base})
    named = [json.loads(p.read_text())["model"] for p in (tmp_path / "again").rglob(MODEL_FILE)]
    assert set(named) <= set(kinds())


def test_every_kind_of_before_is_there(base):
    texts = "".join(path.read_text() for path in (BEFORE / "models").rglob(MODEL_FILE))
    # What serves bare questions is made anew wherever it is needed, and never was saved.
    never_saved = {"acclimate.text.asked_as:AskedAs"}
    assert {path for path in OLD_CLASS_PATHS if path not in texts} == never_saved


def test_old_paths_and_kinds_are_of_the_same_classes():
    assert set(OLD_CLASS_PATHS.values()) == {
        kind_of(class_of(path, object)) for path in OLD_CLASS_PATHS
    }


def subclasses(cls):
    for sub in cls.__subclasses__():
        yield sub
        yield from subclasses(sub)


def test_every_class_that_can_be_saved_has_a_kind_of_its_own():
    for module, _ in kinds().values():
        __import__(module)
    ours = {
        cls
        for parent in (Model, Adapter, CombinationRule)
        for cls in subclasses(parent)
        if cls.__module__.startswith("acclimate.") and not inspect.isabstract(cls)
    }
    assert {cls for cls in ours if ":" in kind_of(cls)} == set()
    assert {kind_of(cls) for cls in ours} == set(kinds())


def test_two_classes_of_one_kind_are_refused(tmp_path, monkeypatch):
    for name in ("First", "Second"):
        text = f'class {name}:\n    kind: ClassVar[str] = "twin"\n'
        (tmp_path / f"{name.lower()}.py").write_text(text)
    monkeypatch.setattr("acclimate.core.storage.kinds._PACKAGE", tmp_path)
    with pytest.raises(BackendError, match=r"two classes are of the kind 'twin': Second.*First"):
        kinds.__wrapped__()


def test_a_class_of_a_user_without_a_kind_keeps_its_path():
    class Mine(Adapter):
        pass

    assert kind_of(Mine) == f"{__name__}:{Mine.__qualname__}"


@pytest.mark.parametrize(
    ("kind", "parent", "sentence"),
    [
        ("wote", Model, "nothing that can be loaded is of the kind 'wote'; known are backend, "),
        ("peft", Model, "peft: is not a Model"),
        ("vote", Adapter, "vote: is not an Adapter"),
        ("antigravity:fly", Model, "only models of acclimate and its plugins are loaded"),
        ("subprocess:Popen", Model, ": is not a Model"),
        ("acclimate.nowhere:Model", Model, "this version has no such model"),
    ],
)
def test_what_is_no_kind_is_one_sentence(kind, parent, sentence):
    with pytest.raises(BackendError, match=sentence):
        class_of(kind, parent)


def test_a_pick_of_before_is_served(tmp_path, capsys):
    from fastapi.testclient import TestClient

    from acclimate.cli._served_systems import served
    from acclimate.server.app import build_app

    shutil.copytree(BEFORE / "pick", tmp_path / "pick")
    report = tmp_path / "pick" / "report.json"
    told = json.loads(report.read_text())
    told["confirmation"]["folder"] = str(tmp_path / "pick" / "model")
    report.write_text(json.dumps(told))
    what = served(str(tmp_path / "pick"), name="pick", adapters=[])
    expected = json.loads((BEFORE / "pick" / "expected.json").read_text())
    names = [type(model).__name__ for _, model in descendants(what.systems["pick"])]
    assert names == ["TaskPrompts", "RagModel", "LocalModel", "LocalModel"]
    with TestClient(build_app(what.systems, tasks=what.tasks)) as client:
        body = {
            "model": "pick",
            "messages": [{"role": "user", "content": expected["question"]}],
            "task": "say",
            "max_tokens": 4,
            "temperature": 0,
        }
        reply = client.post("/v1/chat/completions", json=body)
    assert reply.status_code == 200, reply.text
    assert reply.json()["choices"][0]["message"]["content"] == expected["answers"][1]
