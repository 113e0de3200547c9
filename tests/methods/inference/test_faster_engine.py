import sys

import pytest

from acclimate.core.domain import TrainData
from acclimate.core.errors import MissingExtraError, NotApplicableError
from acclimate.core.method import Chain
from acclimate.core.model import Sampling
from acclimate.core.runtime.fit_log import collect_log
from acclimate.core.storage.saved_model import load_model, save_model
from acclimate.inference.backends import conversion_cache as converted
from acclimate.methods.inference.faster_engine import FasterEngine
from acclimate.methods.prompting.few_shot import FewShot
from acclimate.methods.tuning.lora import LoRA
from changed_code import change_code

pytest.importorskip("ctranslate2", reason="the extra 'serve' is not installed")

EXACT = FasterEngine(precision="float32")
SAMPLING = Sampling(max_new_tokens=6)

CONTRACT = {
    "backend": {"why": "engines may differ in the last digits alone"},
    "precision": {"why": "weights may be as exact as before"},
}


def prompts_of(domain):
    return [task.prompt(item) for task in domain.test for item in task.items]


def test_a_tuned_and_prompted_model_answers_as_before(tiny, small_data, small_domain, tmp_path):
    before = Chain(methods=(LoRA(learning_rate=0.02), FewShot())).fit(tiny, small_data, seed=0)
    with collect_log() as notebook:
        model = EXACT.fit(before, small_data, seed=0)
    prompts = prompts_of(small_domain)
    answers = before.generate(prompts, SAMPLING)
    assert model.generate(prompts, SAMPLING) == answers
    assert answers != FewShot().fit(tiny, small_data, seed=0).generate(prompts, SAMPLING)
    assert notebook.facts == {
        "dev items on which answers were compared": 8,
        "answers equal to the base's, share": 1.0,
        "dev score less the base's": 0.0,
    }
    save_model(model, tmp_path / "it", outside=tiny)
    again = load_model(tmp_path / "it", outside=tiny)
    assert again.generate(prompts, SAMPLING) == answers


def test_worse_answers_are_refused(tiny, small_data, monkeypatch):
    from acclimate.inference.backends.backend_model import BackendModel

    wrong = tiny.generate
    monkeypatch.setattr(BackendModel, "generate", lambda self, p, s: wrong(p, s))
    said = {p.item_id: item.target for p, item in small_data.pairs("dev")}

    def right(self, prompts, sampling):
        from acclimate.core.model import Completion

        return [Completion(said[prompt.item_id]) for prompt in prompts]

    dev = [task for task in small_data.dev if not task.items[0].choices]
    many = tuple(dev[0].model_copy(update={"name": f"dev {number}"}) for number in range(len(dev)))
    data = small_data.model_copy(update={"dev": many})
    monkeypatch.setattr(type(tiny), "generate", right)
    with pytest.raises(NotApplicableError, match=r"worse on dev .* -1\.000 on average") as raised:
        FasterEngine().fit(tiny, _six_groups(data), seed=0)
    assert "0% of 6 answers the same" in str(raised.value)


def _six_groups(data):
    """Six dev items: 1/64 is below 1/20, where the 1/16 of four is not."""
    (task,) = data.dev
    items = [*task.items, *(i.model_copy(update={"group": f"{i.id}2"}) for i in task.items[:2])]
    return data.model_copy(update={"dev": (task.model_copy(update={"items": tuple(items)}),)})


def test_without_dev_items_nothing_is_compared(tiny):
    with collect_log() as notebook:
        FasterEngine().fit(tiny, TrainData(), seed=0)
    assert notebook.facts == {"dev items on which answers were compared": 0}


def test_a_model_of_several_networks_is_refused(tiny, small_data):
    from acclimate.methods.ensembles.average import Average

    vote = Average().fit(tiny, small_data, seed=0)
    with pytest.raises(NotApplicableError, match="put it into the members' recipes"):
        FasterEngine().fit(vote, small_data, seed=0)


def test_it_cannot_be_tuned_after(tiny, small_data):
    model = FasterEngine().fit(tiny, small_data, seed=0)
    assert LoRA().unmet(model, small_data) == ["a model with weights"]


def test_a_missing_library_names_the_extra(tiny, small_data, monkeypatch):
    monkeypatch.delitem(
        sys.modules, "acclimate.inference.backends.engines.ctranslate2", raising=False
    )
    monkeypatch.setitem(sys.modules, "ctranslate2", None)
    with pytest.raises(MissingExtraError, match=r"acclimate\[serve\]"):
        FasterEngine().fit(tiny, small_data, seed=0)


def test_members_joined_at_every_step_answer_by_our_own_loop(tiny, small_data, small_domain):
    from contextlib import nullcontext

    from acclimate.core.runtime.progress import report_progress_to
    from acclimate.methods.ensembles.average import Average

    said = []
    with report_progress_to(lambda *_: nullcontext(lambda _done: None), said.append):
        joined = Average(members=(("faster_engine",), "few_shot")).fit(tiny, small_data, seed=0)
        answers = joined.generate(prompts_of(small_domain), SAMPLING)
    plain = Average(members=((), "few_shot")).fit(tiny, small_data, seed=0)
    assert answers == plain.generate(prompts_of(small_domain), SAMPLING)
    assert said == [
        "ctranslate2 answers without joining members at every step; where it is asked for, our own "
        "loop answers, slower"
    ]


@pytest.mark.parametrize(
    "label", ["inference/backends/conversion_cache.py", "inference/backends/engines/ctranslate2.py"]
)
def test_what_other_code_converted_is_converted_again(label, tiny, small_data, monkeypatch):
    method = FasterEngine(backend="ctranslate2", precision="float32")
    made, real = [], converted._convert
    monkeypatch.setattr(converted, "_convert", lambda *a: made.append(1) or real(*a))
    for _ in range(2):
        method.fit(tiny, small_data, seed=0)
    assert made == [1]
    change_code(monkeypatch, label)
    method.fit(tiny, small_data, seed=0)
    assert made == [1, 1]
