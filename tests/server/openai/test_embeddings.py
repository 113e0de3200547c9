"""Embeddings: of the encoder that a system searches with, or of its network."""

import base64

import numpy as np
import pytest

from acclimate.core.domain import Document
from acclimate.inference.embeddings import mean_states
from acclimate.retrieval.passage_index import PassageIndex
from acclimate.retrieval.rag_model import RagModel
from server.small_systems import Says

TEXTS = ["the answer", "a passage of the answer"]


def embed(client, **fields):
    return client.post("/v1/embeddings", json={"model": "tiny", **fields})


def vectors(answer):
    return np.array([row["embedding"] for row in answer.json()["data"]])


def index(folder, encoder):
    said = ["The robin is red.", "The heron eats frogs.", "The otter likes snails."]
    documents = [Document(id=str(i), text=text) for i, text in enumerate(said)]
    return PassageIndex.build(folder, documents, chunk_tokens=20, overlap_tokens=0, encoder=encoder)


def test_of_a_network(client, tiny):
    answer = embed(client, input=TEXTS)
    np.testing.assert_allclose(vectors(answer), mean_states(tiny, TEXTS), atol=1e-6)
    num_tokens = sum(len(tiny.tokenizer(text)["input_ids"]) for text in TEXTS)
    assert answer.json()["usage"] == {"prompt_tokens": num_tokens, "total_tokens": num_tokens}
    ids = [tiny.tokenizer(text)["input_ids"] for text in TEXTS]
    np.testing.assert_allclose(vectors(embed(client, input=ids)), vectors(answer), atol=1e-6)
    np.testing.assert_allclose(
        vectors(embed(client, input=TEXTS[0])), vectors(answer)[:1], atol=1e-5
    )


def test_as_base64(client):
    plain = vectors(embed(client, input=TEXTS))
    rows = embed(client, input=TEXTS, encoding_format="base64").json()["data"]
    packed = [np.frombuffer(base64.b64decode(row["embedding"]), "<f4") for row in rows]
    np.testing.assert_allclose(packed, plain, atol=1e-7)


def test_of_an_index(client_of, tiny, tmp_path):
    found = index(tmp_path / "dense", "lsa")
    client = client_of(tiny=RagModel(tiny, found, 1, "dense"))
    texts = ["red robin", "frogs"]
    np.testing.assert_allclose(vectors(embed(client, input=texts)), found.encode(texts), atol=1e-6)


def test_of_a_network_where_the_index_knows_words_only(client_of, tiny, tmp_path):
    client = client_of(tiny=RagModel(tiny, index(tmp_path / "words", ""), 1, "lexical"))
    np.testing.assert_allclose(
        vectors(embed(client, input=TEXTS)), mean_states(tiny, TEXTS), atol=1e-6
    )


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"input": TEXTS, "dimensions": 7}, "this model gives 32"),
        ({"input": []}, "input=[]"),
        ({"input": [[999]]}, "token id 999"),
        ({"input": "x", "encoding_format": "hex"}, "encoding_format='hex'"),
    ],
)
def test_what_cannot_be(client, fields, told):
    answer = embed(client, **fields)
    assert answer.status_code == 422
    assert told in answer.json()["error"]["message"]


def test_a_system_that_places_nothing(client_of):
    answer = embed(client_of(tiny=Says("x")), input="x")
    assert answer.status_code == 422
    assert "neither an encoder nor a network" in answer.json()["error"]["message"]
