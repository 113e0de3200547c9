"""A table of answers is a model: it answers, weighs, spends, and is saved."""

import hashlib
import json
import subprocess
import sys

import pytest

from acclimate.core.errors import DataError
from acclimate.core.model import NOT_ANSWERED_LOGPROB, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.runtime.cost import metered
from acclimate.core.storage.saved_model import load_model, save_model
from acclimate.models.local.recorded import Recorded

FREE = [
    {
        "item": "1",
        "answer": "yes",
        "prompt_tokens": 10,
        "new_tokens": 2,
        "seconds": 0.5,
        "usd": 0.1,
    },
    {"item": "2", "answer": "no", "prompt_tokens": 20, "new_tokens": 3, "seconds": 0.7, "usd": 0.2},
]
WEIGHED = [
    {"item": "1", "choice": "yes", "logprob": -1.5, "new_tokens": 2, "usd": 0.1},
    {"item": "1", "choice": "no", "logprob": -0.5, "new_tokens": 1, "usd": 0.1},
]


def asked(item):
    return Prompt("?", item_id=item)


def recorded(tmp_path, rows, **fields):
    path = tmp_path / "table.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Recorded(path=path, **fields)


def test_answers_in_the_order_asked(tmp_path):
    model = recorded(tmp_path, FREE).load()
    answers = model.generate([asked("2"), asked("1")], Sampling())
    assert [a.text for a in answers] == ["no", "yes"]
    assert [(a.num_prompt_tokens, a.num_new_tokens) for a in answers] == [(20, 3), (10, 2)]
    assert [(a.seconds, a.usd) for a in answers] == [(0.7, 0.2), (0.5, 0.1)]


def test_what_was_not_recorded_is_not_claimed(tmp_path):
    model = recorded(tmp_path, [{"item": "1", "answer": "yes"}]).load()
    (answer,) = model.generate([asked("1")], Sampling())
    assert (answer.seconds, answer.usd) == (None, None)
    assert model.capabilities == frozenset()


def test_spends_what_answering_took(tmp_path):
    model = recorded(tmp_path, FREE).load()
    with metered() as meter:
        model.generate([asked("1"), asked("2")], Sampling())
    assert (meter.cost.prompt_tokens, meter.cost.new_tokens) == (30, 5)
    assert meter.cost.paid_usd == pytest.approx(0.3)
    assert meter.cost.seconds < 0.5


def test_weighing_spends_each_row_once(tmp_path):
    with metered() as meter:
        recorded(tmp_path, FREE).load().loglikelihood([(asked("1"), "yes"), (asked("1"), "no")])
    assert meter.cost.paid_usd == pytest.approx(0.1)
    with metered() as meter:
        recorded(tmp_path, WEIGHED).load().loglikelihood([(asked("1"), "yes"), (asked("1"), "no")])
    assert meter.cost.paid_usd == pytest.approx(0.2)


def test_recorded_logprobs(tmp_path):
    model = recorded(tmp_path, WEIGHED).load()
    yes, no = model.loglikelihood([(asked("1"), " yes"), (asked("1"), "no")])
    assert (yes.logprob, yes.num_tokens, yes.num_bytes) == (-1.5, 2, 4)
    assert (no.logprob, no.num_tokens, no.num_bytes) == (-0.5, 1, 2)
    assert model.capabilities == {"logprobs"}
    assert model.generate([asked("1")], Sampling())[0].text == "no"


def test_an_answer_alone_is_certain(tmp_path):
    model = recorded(tmp_path, FREE).load()
    weighed = model.loglikelihood([(asked("1"), " no"), (asked("1"), " yes")])
    assert [w.logprob for w in weighed] == [NOT_ANSWERED_LOGPROB, 0.0]
    assert all(w.num_tokens >= 1 for w in weighed)


def test_missing_answers_are_named(tmp_path):
    model = recorded(tmp_path, WEIGHED).load()
    with pytest.raises(DataError, match=r"table\.jsonl: has no answer for item '3' \(it has 1"):
        model.generate([asked("3")], Sampling())
    with pytest.raises(DataError, match="item '1' has no row for the choice 'maybe', only 'yes'"):
        model.loglikelihood([(asked("1"), "maybe")])


@pytest.mark.parametrize("rows", [FREE, WEIGHED])
def test_saved_and_loaded_gives_the_same(tmp_path, rows):
    model = recorded(tmp_path, rows).load()
    save_model(model, tmp_path / "saved")
    again = load_model(tmp_path / "saved")
    assert again.answers == model.answers
    assert again.capabilities == model.capabilities
    assert again.generate([asked("1")], Sampling()) == model.generate([asked("1")], Sampling())


def test_fingerprint_follows_file_and_system(tmp_path):
    rows = [{**row, "system": "x"} for row in FREE]
    source = recorded(tmp_path, rows)
    assert source.fingerprint() == hashlib.sha256(source.path.read_bytes()).hexdigest()
    assert recorded(tmp_path, rows, system="x").fingerprint() != source.fingerprint()
    with pytest.raises(DataError, match="cannot be read"):
        Recorded(path=tmp_path / "none.csv").fingerprint()


def test_torch_is_not_needed():
    code = "import sys, acclimate.models.local.recorded; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def examples(request):
    """Two tables with the same answers, and one with others."""
    folder = request.getfixturevalue("tmp_path")
    domain = request.getfixturevalue("small_domain")
    found = []
    for number, answer in enumerate(("yes", "yes", "no")):
        (folder / str(number)).mkdir()
        rows = [{"item": i.id, "answer": answer} for task in domain.test for i in task.items]
        found.append(recorded(folder / str(number), rows))
    return found
