"""lm_eval, whole, gives a served study's own scores: every item's, and their mean."""

import json
from pathlib import Path

import pytest

from acclimate.cli._served_systems import served
from acclimate.core.choice_probabilities import probabilities
from acclimate.core.model import LogLikelihood
from acclimate.models.local.embedded import Embedded
from acclimate.server.app import build_app
from acclimate.study.report.write import write_report
from acclimate.study.results_db import ResultsDb
from acclimate.study.run import run_study
from acclimate.study.spec import make_spec
from conftest import ANIMALS
from server.running import port_of, running

pytest.importorskip("lm_eval")
pytest.importorskip("tenacity")
pytestmark = pytest.mark.filterwarnings("ignore")

CITIES = ("London", "Paris", "Berlin", "Rome")
NAMES = (
    *("Adam", "Bella", "Carl", "Diana", "Edward", "Fiona", "George", "Hanna", "Ivan", "Julia"),
    *("Karl", "Linda", "Martin", "Nora", "Oscar", "Paula", "Robert", "Sarah", "Thomas", "Walter"),
)
SETTINGS = """\
tasks:
  city: {metric: [choice_accuracy, choice_logprob], instruction: Name the city.}
  owner: {metric: exact_match, instruction: Name the owner., max_new_tokens: 4}
"""
SPLITS = {"train": (0, 4), "dev": (4, 8), "test": (8, 20)}
RECIPE = [{"name": "few_shot", "num_shots": 1}, {"name": "lexical_rag", "num_passages": 1}]
EXAMPLES = Path(__file__).parents[2] / "examples" / "lm_eval"


def rows(first, last):
    for place, name in list(enumerate(NAMES))[first:last]:
        city, animal = CITIES[place * 7 % 4], ANIMALS[place]
        where = {"task": "city", "id": f"city-{name}", "question": f"Where does {name} live?"}
        yield {**where, "answer": city, "choices": CITIES}
        whose = {"task": "owner", "id": f"owner-{name}", "question": f"Who has a {animal}?"}
        yield {**whose, "answer": name}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The folder of a domain and of a study of it, whose pick shows examples and passages."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "documents").mkdir()
    for name, animal, place in zip(NAMES, ANIMALS, range(len(NAMES)), strict=True):
        text = f"# {name}\n\n{name} lives in {CITIES[place * 7 % 4]}. {name} has a {animal}.\n"
        (folder / "documents" / f"{name}.md").write_text(text)
    # Found where the layout's words, or the choices, are searched for with the question.
    misleading = "# Question\n\nQuestion and answer: London, Paris, Berlin or Rome.\n"
    (folder / "documents" / "misleading.md").write_text(misleading)
    for split, (first, last) in SPLITS.items():
        lines = [json.dumps(row) + "\n" for row in rows(first, last)]
        (folder / f"{split}.jsonl").write_text("".join(lines))
    for task in ("city", "owner"):
        own = [line for line in lines if f'"task": "{task}"' in line]
        (folder / f"{task}.jsonl").write_text("".join(own))
    (folder / "domain.yaml").write_text(SETTINGS)
    spec = {"domain": str(folder), "base": "embedded", "seeds": [0], "recipes": [RECIPE]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCLIMATE_HOME", str(folder / "home"))
        findings = run_study(make_spec(spec, "test study"), folder / "out")
        assert findings.recommendation.beats_base
        write_report(findings, folder / "out")
        yield folder


@pytest.fixture(scope="module")
def row(study):
    """What the study measured of its pick."""
    (found,) = [
        row
        for row in ResultsDb(study / "out" / "rows.sqlite").all()
        if row.split == "test" and row.recipe != "base"
    ]
    return found


@pytest.fixture(scope="module")
def address(study):
    found = served(str(study / "out"), name="pick", adapters=[])
    with running(build_app(found.systems)) as server:
        yield f"http://127.0.0.1:{port_of(server)}/v1"


@pytest.fixture
def evaluated(study, tmp_path, monkeypatch):
    """Give what lm_eval finds of an example's task: its scores, and the samples by item."""
    import datasets
    import lm_eval
    from lm_eval.tasks import TaskManager

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")
    monkeypatch.chdir(study)

    def evaluate(task, kind, model_args, *, text="{{question}}"):
        example = (EXAMPLES / f"{task}.yaml").read_text().replace("{{question}}", text)
        (tmp_path / f"{task}.yaml").write_text(example)
        found = lm_eval.simple_evaluate(
            model=kind,
            model_args={"model": "pick", **model_args},
            tasks=[task],
            task_manager=TaskManager(include_path=str(tmp_path), include_defaults=False),
            apply_chat_template="chat" in kind,
            bootstrap_iters=0,
        )
        samples = {sample["doc"]["id"]: sample for sample in found["samples"][task]}
        return found["results"][task], samples

    return evaluate


def mean(scores):
    return sum(scores.values()) / len(scores)


@pytest.mark.parametrize("more", [{}, {"tokenized_requests": False}, {"batch_size": 4}])
def test_choices(evaluated, address, row, more):
    args = {
        "base_url": f"{address}/completions?task=city",
        "tokenizer_backend": "huggingface",
        "tokenizer": str(Embedded().folder),
        **more,
    }
    scores, samples = evaluated("city", "local-completions", args)
    own = row.scores["city"]
    assert {i: s["acc_bytes"] for i, s in samples.items()} == own["choice_accuracy"]
    assert scores["acc_bytes,none"] == pytest.approx(mean(own["choice_accuracy"]))
    assert 0.5 < scores["acc_bytes,none"] < 1
    assert {i: share(sample) for i, sample in samples.items()} == (
        pytest.approx(own["choice_logprob"], abs=1e-3)
    )


def share(sample):
    """The probability of the right choice, as `choice_logprob` has it."""
    logprobs = [float(logprob) for logprob, _ in sample["filtered_resps"]]
    weighed = [
        LogLikelihood(logprob, 1, len(city)) for logprob, city in zip(logprobs, CITIES, strict=True)
    ]
    return probabilities(weighed)[int(sample["target"])]


@pytest.mark.parametrize(
    ("kind", "path", "text"),
    [
        ("local-chat-completions", "chat/completions", "{{question}}"),
        ("local-completions", "completions", "Question: {{question}}\\nAnswer:"),
    ],
)
def test_answers(evaluated, address, row, kind, path, text):
    args = {"base_url": f"{address}/{path}", "tokenizer_backend": None}
    scores, samples = evaluated("owner", kind, args, text=text)
    own = row.scores["owner"]["exact_match"]
    said = {i: sample["filtered_resps"][0] for i, sample in samples.items()}
    assert said == {i: answer for i, answer in row.answers.items() if i in own}
    assert {i: s["exact_match"] for i, s in samples.items()} == own
    assert scores["exact_match,none"] == pytest.approx(mean(own))
    assert 0 < scores["exact_match,none"] < 1
