import shutil
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import ClassVar

import pytest
import torch

from acclimate.core.errors import BackendError, NotApplicableError
from acclimate.core.model import Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.runtime.cost import metered
from acclimate.core.runtime.progress import report_progress_to
from acclimate.core.storage.saved_model import load_model, save_model
from acclimate.inference.backends.backend_model import BackendModel, on_backend
from acclimate.inference.backends.interface import BACKENDS, Backend, LoadedEngine

PROMPTS = [Prompt(question="What is the answer?"), Prompt(question="Where? " * 4)]
SAMPLING = Sampling(max_new_tokens=8)


class Stand(Backend):
    """An engine that writes token 5 until its budget is spent, and counts what it is asked."""

    precisions: ClassVar[Mapping] = {"int8": "int8"}
    conversions: ClassVar[list] = []
    failure: ClassVar[list] = []

    def convert(self, network, tokenizer, folder):
        (folder / "weights").write_text("half")
        if self.failure:
            raise self.failure[0]
        self.conversions.append(folder)

    def open(self, folder, ends, window):
        assert (folder / "weights").read_text() == "half"
        return Writing()


class Writing(LoadedEngine):
    def write(self, contexts, budgets, hear=None):
        return [[5] * budget for budget in budgets]


@pytest.fixture
def stand(monkeypatch):
    """The engine, known to the catalogue."""
    entry = BACKENDS.entries["vllm"]
    entries = {**BACKENDS.entries, "test_backend_model": entry}
    monkeypatch.setitem(BACKENDS.__dict__, "entries", entries)
    monkeypatch.setattr(BACKENDS, "load", lambda _name: Stand)
    monkeypatch.setattr(Stand, "conversions", [])
    monkeypatch.setattr(Stand, "failure", [])
    return Stand()


def told(model, sampling):
    """What is said while it answers, and the answers."""
    said = []
    with report_progress_to(lambda *_: nullcontext(lambda _done: None), said.append):
        return said, model.generate(PROMPTS, sampling)


def test_the_same_weights_are_converted_once(stand, tiny):
    for _ in range(2):
        on_backend(tiny, stand)
    assert len(stand.conversions) == 1
    other = tiny.with_network(tiny.owned_copy())
    other.network.model.norm.weight[0] += 1e-6
    on_backend(other, stand)
    assert len(stand.conversions) == 2


def test_half_a_conversion_is_not_left_behind(stand, tiny, own_store):
    stand.failure.append(RuntimeError("no such layer\nmore"))
    with pytest.raises(NotApplicableError, match=r"llama network: no such layer$"):
        on_backend(tiny, stand)
    assert [path for path in own_store.rglob("*") if path.is_file()] == []
    stand.failure.clear()
    on_backend(tiny, stand)


def test_damaged_files_are_converted_again(stand, tiny):
    model = on_backend(tiny, stand)
    (model.folder / "weights").write_text("damaged")
    assert on_backend(tiny, stand).generate(PROMPTS, SAMPLING)
    assert len(stand.conversions) == 2


@pytest.mark.parametrize(
    "field",
    [{"temperature": 0.5}, {"repetition_penalty": 1.5}, {"choice": ("is", "the")}, {"logprobs": 1}],
    ids=str,
)
def test_what_an_engine_lacks_is_done_by_our_loop_with_a_word(stand, tiny, field):
    model, sampling = on_backend(tiny, stand), SAMPLING.model_copy(update=field)
    (name,) = field
    said, answers = told(model, sampling)
    assert answers == tiny.generate(PROMPTS, sampling)
    assert said == [
        f"test_backend_model answers without {name}; where it is asked for, our own loop answers, "
        "slower"
    ]
    assert told(model, sampling)[0] == [], "it is said once"
    assert list(model.stream(PROMPTS[0], sampling))[-1].text == answers[0].text
    said, answers = told(model, SAMPLING)
    assert (said, {answer.num_new_tokens for answer in answers}) == ([], {8})


def test_an_encoder_and_an_adapter_that_stays_are_refused(stand, tiny, model_folder, small_data):
    from acclimate.methods.tuning.prefix_tuning import PrefixTuning
    from acclimate.models.local.huggingface import HuggingFace

    with pytest.raises(NotApplicableError, match="runs decoders alone here"):
        on_backend(HuggingFace(path=str(model_folder("t5"))).load(), stand)
    prefix = PrefixTuning(training={"num_epochs": 1}).fit(tiny, small_data, seed=0)
    with pytest.raises(NotApplicableError, match=r"of which Prefix\w* cannot become part"):
        on_backend(prefix, stand)
    assert stand.conversions == []


def test_replaced_layers_are_refused(stand, tiny):
    other = tiny.with_network(tiny.owned_copy())
    other.network.model.layers[0].mlp.up_proj = torch.nn.Sequential(torch.nn.Linear(32, 64))
    with pytest.raises(NotApplicableError, match="some of this one's are replaced"):
        on_backend(other, stand)


def test_what_it_took_is_counted(stand, tiny):
    model = on_backend(tiny, stand)
    with metered() as meter:
        answers = model.generate(PROMPTS, SAMPLING)
    read = sum(answer.num_prompt_tokens for answer in answers)
    assert (meter.cost.prompt_tokens, meter.cost.new_tokens) == (read, 16)
    assert meter.cost.flops == 2.0 * tiny.network.num_parameters() * (read + 16)
    assert all(answer.is_cut for answer in answers)


def test_it_takes_its_files_along(stand, tiny, own_store, tmp_path):
    model = on_backend(tiny, stand)
    answers = model.generate(PROMPTS, SAMPLING)
    save_model(model, tmp_path / "it", outside=tiny)
    shutil.rmtree(own_store)
    again = load_model(tmp_path / "it", outside=tiny)
    assert again.generate(PROMPTS, SAMPLING) == answers
    other = tiny.with_network(tiny.owned_copy())
    other.network.model.norm.weight[0] += 1
    with pytest.raises(BackendError, match="converted from another model"):
        load_model(tmp_path / "it", outside=other)
    (tmp_path / "it" / "converted" / "weights").unlink()
    with pytest.raises(BackendError, match="cannot open"):
        load_model(tmp_path / "it", outside=tiny).generate(PROMPTS, SAMPLING)


def test_an_engine_that_fails_when_asked_is_found_out_at_once(stand, tiny, monkeypatch):
    def fail(*_):
        raise RuntimeError("heads too wide")

    monkeypatch.setattr(Writing, "write", fail)
    with pytest.raises(NotApplicableError, match="cannot run it: heads too wide"):
        on_backend(tiny, stand)


def test_many_threads(stand, tiny):
    model = on_backend(tiny, stand)
    expected = model.generate(PROMPTS, SAMPLING)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: model.generate(PROMPTS, SAMPLING), range(16)))
    assert found == [expected] * 16


def test_a_stream_that_nobody_hears_ends(tiny, own_store):
    pytest.importorskip("ctranslate2", reason="the extra 'serve' is not installed")
    exact = BACKENDS.build({"name": "ctranslate2", "precision": "float32"})
    model = on_backend(tiny, exact)
    assert isinstance(model, BackendModel)
    pieces = model.stream(PROMPTS[0], Sampling(max_new_tokens=100))
    next(pieces)
    pieces.close()
    assert model.generate(PROMPTS, SAMPLING) == tiny.generate(PROMPTS, SAMPLING)


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("ctranslate2", "ctranslate2"),
        ("onnxruntime", "onnxruntime_genai"),
        ("openvino", "openvino_genai"),
    ],
)
def test_a_missing_library_names_the_extra(name, module, monkeypatch):
    from acclimate.core.errors import MissingExtraError

    monkeypatch.delitem(sys.modules, f"acclimate.inference.backends.engines.{name}", raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'acclimate\[serve\]'"):
        BACKENDS.build(name)
