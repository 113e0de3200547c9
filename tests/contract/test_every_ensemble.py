"""What holds of every ensemble: order and scale do not matter, and who is left out is counted."""

import pytest

from acclimate.core.catalogue import METHODS
from acclimate.core.model import Sampling
from acclimate.core.runtime.fit_log import collect_log
from acclimate.evaluation.answers import answers_to
from small_members import any_base, choice_task, data_of, flipped, free_task, members_of

BY_TOKEN = {
    "average": {},
    "weighted_average": {"weights": (1.0, 2.0, 0.5)},
    "token_vote": {"rule": "weighted", "weights": (1.0, 2.0, 0.5)},
    "phrase_vote": {"weights": (1.0, 2.0, 0.5)},
    "byte_average": {"weights": (1.0, 2.0, 0.5)},
}
BY_ANSWER = ("output_vote", "stacked", "cascade", "sac", "pipeline")
MEMBERS = ("zero_shot", "few_shot", ({"name": "zero_shot", "instruction": "Be short."},))
TARGETS = {f"q{i}": ("no", "yes")[i % 2] for i in range(40)}


def test_every_ensemble_is_tested():
    names = {entry.name for entry in METHODS.entries.values() if entry.family == "ensembles"}
    assert names == {*BY_TOKEN, *BY_ANSWER}


def written(tiny, data, name, members, **fields):
    method = METHODS.build({"name": name, "members": members, **fields})
    model = method.fit(tiny, data, seed=0)
    prompts = [prompt for prompt, _ in data.pairs("dev")][-3:]
    texts = [own.text for own in model.generate(prompts, Sampling(max_new_tokens=3))]
    return texts, [own.logprob for own in model.loglikelihood([(prompts[0], "red")])]


@pytest.mark.parametrize("name", BY_TOKEN)
def test_order_and_scale_of_weights_do_not_matter(tiny, small_data, name):
    fields = BY_TOKEN[name]
    texts, (logprob,) = written(tiny, small_data, name, MEMBERS, **fields)
    turned = {k: v[::-1] if k == "weights" else v for k, v in fields.items()}
    scaled = {k: [10 * w for w in v] if k == "weights" else v for k, v in fields.items()}
    for members, told in ((MEMBERS[::-1], turned), (MEMBERS, scaled)):
        again, (other,) = written(tiny, small_data, name, members, **told)
        assert again == texts
        assert other == pytest.approx(logprob, abs=1e-3)


@pytest.mark.parametrize("name", sorted({*BY_ANSWER} - {"pipeline"}))
@pytest.mark.parametrize("task_of", [free_task, choice_task])
def test_who_says_nothing_is_left_out_and_counted_and_the_answer_comes(tmp_path, name, task_of):
    task = task_of(TARGETS)
    blank, holes = dict.fromkeys(TARGETS, ""), dict(list(TARGETS.items())[:20])
    tables = members_of(tmp_path, blank, holes, flipped(TARGETS, 0.8, 0))
    fields = {"num_updates": 10} if name == "sac" else {}
    method = METHODS.build({"name": name, "members": tables, **fields})
    model = method.fit(any_base(tmp_path), data_of(task), seed=0)
    with collect_log() as book:
        said = [answer.text for answer in answers_to(model, task, task.items)]
    assert all(said)
    counted = [v for k, v in book.facts.items() if "left out" in k or "passed on" in k]
    # Of three members one says nothing, one half; a cascade passes all of that on.
    assert max(counted) == pytest.approx(1.0 if name == "cascade" else 1 / 2)
