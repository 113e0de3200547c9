"""Continued pretraining learns the documents' next tokens and stops by those held out."""

import math

import pytest

from acclimate.core.domain import Document, TrainData
from acclimate.core.errors import NotApplicableError
from acclimate.core.prompt import Prompt
from acclimate.core.runtime.fit_log import collect_log
from acclimate.methods.tuning.continued_pretraining import ContinuedPretraining
from acclimate.models.local.huggingface import HuggingFace
from acclimate.training import finetune as tuning
from acclimate.training.tuning_settings import TrainingSettings

DATA = TrainData(
    documents=tuple(
        Document(id=str(i), text=f"Page {i}. " + "The answer is in the passage. " * 12)
        for i in range(10)
    )
)
METHOD = ContinuedPretraining(
    max_seq_len=32, learning_rate=1e-2, training=TrainingSettings(num_epochs=2, batch_size=8)
)

CONTRACT = {
    "max_seq_len": {"value": 32, "why": "the small base's context is shorter than the default"},
    "training.batch_size": {"value": 2, "why": "the small pages are fewer windows than a batch"},
    "training.evals_per_epoch": {
        "value": 2,
        "beside": {"training": {"batch_size": 2}},
        "why": "an epoch of one batch has room for one look",
    },
}


@pytest.fixture
def runs(monkeypatch):
    seen, real = [], tuning.train
    monkeypatch.setattr(
        tuning, "train", lambda network, run: seen.append(run) or real(network, run)
    )
    return seen


def nats(model, text):
    (weighed,) = model.loglikelihood([(Prompt("", template=""), text)])
    return -weighed.logprob / weighed.num_tokens


def test_the_documents_become_likelier(tiny):
    text = DATA.documents[0].text[:200]
    tuned = METHOD.fit(tiny, DATA, seed=0)
    assert nats(tuned, text) < nats(tiny, text) / 2


def test_every_token_is_predicted_once_and_none_of_those_held_out(tiny, runs):
    METHOD.fit(tiny, DATA, seed=0)
    source = runs[0].source
    train = [list(e.answer) for e in source.train]
    assert all(len(e.prompt) == 0 and not e.is_learned for e in source.train)
    assert all(len(ids) == 32 for ids in train[:-1])
    # Laid end to end again, without what each window repeats, they are the documents.
    text = tiny.tokenizer.decode(train[0][:1] + [t for ids in train for t in ids[1:]])
    (held_out,) = (d for d in DATA.documents if d.text not in text)
    kept = [d.text for d in DATA.documents if d is not held_out]
    assert text == "".join(f"<|end|>{t}" for t in kept) + "<|end|>"
    assert held_out.text in tiny.tokenizer.decode([t for e in source.dev for t in e.answer[1:]])


def test_dev_is_looked_at(tiny):
    with collect_log() as book:
        METHOD.fit(tiny, DATA, seed=0)
    losses = [value for _, value in book.curves["dev loss, nats"]]
    assert len(losses) == 3
    assert losses[-1] < losses[0]
    assert all(map(math.isfinite, losses))


def test_one_document_is_trained_on(tiny, runs):
    METHOD.fit(tiny, TrainData(documents=DATA.documents[:1]), seed=0)
    assert not runs[0].source.has_dev


def test_an_encoder_decoder_is_refused(model_folder):
    base = HuggingFace(path=str(model_folder("t5"))).load()
    with pytest.raises(NotApplicableError, match="does not write"):
        METHOD.fit(base, DATA, seed=0)
