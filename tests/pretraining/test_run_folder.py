"""A folder is gone on with by the training that began in it, and by no other."""

import pytest

from acclimate.core.errors import ConfigError
from acclimate.pretraining.run_folder import TEXT_FIELDS, claim, refuse_other
from acclimate.pretraining.spec import PretrainSpec

SPEC = PretrainSpec(text=("a.txt",), model={"size": "8m"}, training={"learning_rate": 0.5})


def other(**fields):
    return PretrainSpec.model_validate({**SPEC.model_dump(), **fields})


@pytest.fixture
def begun(tmp_path):
    """A folder with a checkpoint of `SPEC`."""
    claim(tmp_path, SPEC)
    (tmp_path / "checkpoints" / "step-000000001").mkdir(parents=True)
    return tmp_path


def test_the_same_settings_go_on(begun):
    claim(begun, SPEC)
    assert PretrainSpec.model_validate_json((begun / "spec.json").read_text()) == SPEC


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"batch_size": 3}, r"\(batch_size=8 there, 3 here\)"),
        (
            {"training": {"learning_rate": 0.25}},
            r"\(training.learning_rate=0.5 there, 0.25 here\)",
        ),
        ({"text": ["b.txt"]}, r"\(text=\['a.txt'\] there, \['b.txt'\] here\)"),
        ({"tokenizer": "gpt2"}, r"tokenizer=\{.* there, 'gpt2' here"),
    ],
)
def test_others_are_refused_with_what_differs(begun, fields, said):
    before = (begun / "spec.json").read_bytes()
    with pytest.raises(ConfigError, match=said) as told:
        claim(begun, other(**fields))
    assert "give another --out, or remove its folder checkpoints" in str(told.value)
    assert (begun / "spec.json").read_bytes() == before


def test_only_the_fields_asked_for_count(begun):
    refuse_other(begun, other(batch_size=3), TEXT_FIELDS)
    with pytest.raises(ConfigError, match=r"corpus\.seed"):
        refuse_other(begun, other(corpus={"seed": 1}), TEXT_FIELDS)


def test_without_a_checkpoint_nothing_is_lost(tmp_path):
    claim(tmp_path, SPEC)
    claim(tmp_path, other(batch_size=3))
    assert '"batch_size": 3' in (tmp_path / "spec.json").read_text()


def test_a_note_that_cannot_be_read_says_nothing(begun):
    (begun / "spec.json").write_text("{")
    claim(begun, other(batch_size=3))
