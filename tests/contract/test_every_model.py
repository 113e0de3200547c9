"""What holds for every way to get a model: it is here by being in the folder."""

import pytest

from acclimate.core.catalogue import MODELS
from acclimate.core.errors import MissingExtraError
from acclimate.core.model import Sampling
from acclimate.core.source import ModelSource
from acclimate.core.storage.saved_model import load_model, save_model
from contract.alternatives import (
    check_documented,
    check_own_test,
    check_round_trip,
    check_summary,
    filled,
    own_examples,
)

NAMES = list(MODELS.entries)


@pytest.fixture(params=NAMES)
def name(request):
    try:
        MODELS.load(request.param)
    except MissingExtraError as error:
        pytest.skip(str(error))
    return request.param


@pytest.mark.parametrize("entry", MODELS.entries.values(), ids=NAMES)
def test_summary_and_own_test(entry):
    check_summary(entry)
    check_own_test("models", entry)


def test_class_and_fields(name):
    kind = MODELS.load(name)
    assert kind.__bases__ == (ModelSource,)
    # Where a model lies is the one thing that has no default.
    check_documented(kind, may_be_required=("path",))
    check_round_trip(MODELS, name, filled(kind))


def test_fingerprint_follows_content(name, request):
    source, same, other = own_examples("models", MODELS.entries[name])(request)
    found = source.fingerprint()
    assert found == source.fingerprint() == same.fingerprint()
    assert found != other.fingerprint()
    assert len(found) >= 32


def test_answers_in_order_and_is_saved(name, request, small_domain, tmp_path):
    source, *_ = own_examples("models", MODELS.entries[name])(request)
    model = source.load()
    prompts = [task.prompt(item) for task in small_domain.test for item in task.items[:2]]
    answers = model.generate(prompts, Sampling(max_new_tokens=4))
    assert len(answers) == len(prompts)
    backwards = model.generate(prompts[::-1], Sampling(max_new_tokens=4))
    assert [a.text for a in backwards[::-1]] == [a.text for a in answers]
    save_model(model, tmp_path / "saved")
    again = load_model(tmp_path / "saved")
    assert again.generate(prompts, Sampling(max_new_tokens=4)) == answers
    assert again.capabilities == model.capabilities
    assert model.capabilities <= {"logprobs", "weights"}
