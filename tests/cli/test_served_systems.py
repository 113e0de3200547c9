"""What is served: a study's pick, a saved model, a base, and adapters by name."""

import json
import re
from pathlib import Path

import pytest

from acclimate.cli._served_systems import served
from acclimate.core.domain import Task, TrainData
from acclimate.core.errors import ConfigError, UnknownNameError
from acclimate.core.model import Sampling
from acclimate.core.prompt import Example, Prompt
from acclimate.core.storage.saved_model import save_model
from acclimate.prompting.demonstrations import FewShotModel
from acclimate.study.findings import Confirmation
from acclimate.study.report.write import write_report
from example_findings import example

ASKED = [Prompt("What is the answer?")]


def texts(model):
    return [answer.text for answer in model.generate(ASKED, Sampling(max_new_tokens=6))]


@pytest.fixture
def pick(tiny, tmp_path):
    """A few-shot system, saved."""
    folder = tmp_path / "store" / "pick"
    save_model(FewShotModel(tiny, {"": (Example("a?", "b"),)}, 1, "random"), folder)
    return folder


def study(folder, kept):
    confirmation = Confirmation(recipe="few_shot", num_items=1, num_different=0, folder=str(kept))
    write_report(example().model_copy(update={"confirmation": confirmation}), folder)
    return folder


def test_a_saved_model(pick, tiny):
    found = served(str(pick), name="", adapters=[])
    assert list(found.systems) == ["pick"]
    assert found.report is None
    assert texts(found.systems["pick"]) != texts(tiny)


def test_a_studys_pick_and_its_base(pick, tiny, tmp_path):
    folder = study(tmp_path / "law", pick)
    found = served(str(folder), name="", adapters=[])
    assert list(found.systems) == ["law", "base"]
    assert found.report == folder / "report.html"
    assert texts(found.systems["base"]) == texts(tiny)
    assert list(served(str(folder), name="mine", adapters=[]).systems) == ["mine", "base"]


def test_the_pick_of_an_old_run(pick, tiny, tmp_path):
    """One whose recipe and metric have other names now."""
    text = (Path(__file__).parents[1] / "former_names" / "report.json").read_text()
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "report.json").write_text(
        re.sub(r'"home/artifacts/\w+/\w+"', json.dumps(str(pick)), text)
    )
    found = served(str(tmp_path / "old"), name="", adapters=[])
    assert list(found.systems) == ["old", "base"]
    assert found.tasks == ("colour", "say")
    assert texts(found.systems["base"]) == texts(tiny)


def test_a_study_without_a_pick(pick, tmp_path):
    folder = study(tmp_path / "law", tmp_path / "gone")
    with pytest.raises(ConfigError, match="is gone; run the study again"):
        served(str(folder), name="", adapters=[])
    write_report(example().model_copy(update={"confirmation": None}), folder)
    with pytest.raises(ConfigError, match="serve its base: acclimate serve"):
        served(str(folder), name="", adapters=[])


def test_a_study_that_nothing_wins_serves_its_base_as_it_was_asked(tmp_path):
    found = example()
    chosen = found.recommendation.model_copy(update={"pick": found.base})
    tasks = (Task(name="law", metrics=("exact_match",), instruction="Be brief."),)
    changed = {"recommendation": chosen, "base_model": "embedded", "tasks": tasks}
    write_report(found.model_copy(update={**changed, "confirmation": None}), tmp_path / "law")
    served_study = served(str(tmp_path / "law"), name="", adapters=[])
    assert served_study.tasks == ("law",)
    (answer,) = served_study.systems["law"].generate(ASKED, Sampling(max_new_tokens=1))
    assert answer.prompt.startswith("Be brief.")


def test_a_base_by_folder(model_folder, tiny):
    folder = model_folder("llama")
    found = served(str(folder), name="small", adapters=[])
    assert texts(found.systems["small"]) == texts(tiny)


def test_a_base_whose_name_is_misspelt():
    with pytest.raises(UnknownNameError, match="no model is called 'embeded'; did you mean embed"):
        served("embeded", name="", adapters=[])
    with pytest.raises(ConfigError, match="'elsewhere': there is no such folder"):
        served("elsewhere", name="", adapters=[])


def test_adapters_by_name(model_folder, tiny, tmp_path):
    from acclimate.methods.tuning.lora import LoRA

    LoRA(rank=2).with_adapter(tiny, TrainData()).adapter.write(tmp_path)
    folder = str(model_folder("llama"))
    found = served(folder, name="small", adapters=[f"law={tmp_path}"])
    assert list(found.systems) == ["small", "small:law"]
    with pytest.raises(ConfigError, match="written NAME=FOLDER"):
        served(folder, name="small", adapters=["law"])
