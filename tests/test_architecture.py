"""The picture of the layers is the code's, and walks go through the files that they name."""

import re
import sys
import threading
from contextlib import contextmanager
from importlib import util
from pathlib import Path

import pytest

import acclimate

ROOT = Path(__file__).parents[1]
PACKAGE = Path(acclimate.__file__).parent
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
PATH = re.compile(r"`((?:\w+/)+\w+\.py)`")
WALKS = dict(re.findall(r"^### ([^\n]+)\n(.*?)(?=^##)", PAGE, re.M | re.S))


def test_the_picture_is_drawn_from_the_code():
    spec = util.spec_from_file_location("make_architecture", ROOT / "docs/make_architecture.py")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    drawn = module.PICTURE.read_text(encoding="utf-8")
    assert drawn == module.picture(), "run: python docs/make_architecture.py"


@pytest.mark.parametrize("text", [PAGE, GLOSSARY], ids=["architecture", "glossary"])
def test_what_the_pages_name_is_there(text):
    named = set(PATH.findall(text)) | set(re.findall(r"`((?:\w+/)+)`", text))
    assert len(named) > 20
    assert {path for path in named if not (PACKAGE / path).exists()} == set()


@contextmanager
def files_that_run():
    """Files of this package in which a function is called in the body, in any thread."""
    code = set()

    def note(frame, event, _argument):
        if event == "call":
            code.add(frame.f_code.co_filename)

    ran = set()
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield ran
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        paths = map(Path, code)
        ran |= {p.relative_to(PACKAGE).as_posix() for p in paths if p.is_relative_to(PACKAGE)}


def walk(beginning):
    (text,) = (text for title, text in WALKS.items() if title.startswith(beginning))
    return set(PATH.findall(text))


def test_an_item_from_a_file_to_a_cell_of_the_report(model_folder, tmp_path):
    from acclimate.study.report.write import write_report
    from acclimate.study.run import run_study
    from small_study import spec_of, write_domain

    domain = write_domain(tmp_path / "birds")
    with files_that_run() as ran:
        recipes = ["few_shot", "lexical_rag"]
        findings = run_study(spec_of(domain, model_folder("llama"), recipes=recipes), tmp_path)
        write_report(findings, tmp_path)
    assert walk("An item") - ran == set()


def test_a_training_step(model_folder, small_data):
    from acclimate.core.catalogue import METHODS, MODELS

    base = MODELS.build({"name": "huggingface", "path": str(model_folder("llama"))}).load()
    with files_that_run() as ran:
        METHODS.build({"name": "lora", "training": {"num_epochs": 1}}).fit(base, small_data, seed=0)
    assert walk("One training step") - ran == set()


def test_a_prompt_through_the_scheduler(model_folder, small_data):
    from acclimate.core.catalogue import METHODS, MODELS
    from acclimate.core.model import Sampling
    from acclimate.core.prompt import Prompt

    base = MODELS.build({"name": "huggingface", "path": str(model_folder("llama"))}).load()
    model = METHODS.build("prefix_cache").fit(base, small_data, seed=0)
    with files_that_run() as ran:
        model.generate([Prompt("what is the answer?")] * 2, Sampling(max_new_tokens=3))
    assert walk("A prompt") - ran == set()


def test_a_chat_request(tiny):
    from fastapi.testclient import TestClient

    from acclimate.server.app import build_app
    from acclimate.server.limits import Limits
    from acclimate.server.workers.process_pool import ProcessPool
    from server import worker_systems

    key = "a-key-of-some-length"
    body = {"model": "tiny", "messages": [{"role": "user", "content": "Who?"}], "stream": True}
    with files_that_run() as ran:
        app = build_app({"tiny": tiny}, keys=[key])
        with TestClient(app, headers={"authorization": f"Bearer {key}"}) as client:
            reply = client.post("/v1/chat/completions", json={**body, "max_tokens": 3})
        pool = ProcessPool(worker_systems.speaking, Limits(max_workers=1))
        pool.close()
    assert reply.text.endswith("data: [DONE]\n\n")
    # The guard of host names stands in front only where there is no key.
    assert walk("A chat request") - ran - {"server/hosts.py"} == set()
