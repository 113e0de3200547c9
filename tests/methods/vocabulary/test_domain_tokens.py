"""domain_tokens: old rows stay bit for bit, text comes back, and fewer tokens say it."""

import pytest
import torch

from acclimate.core.domain import Document, TrainData
from acclimate.core.errors import ConfigError, DataError, NotApplicableError
from acclimate.core.runtime.fit_log import collect_log
from acclimate.core.storage.saved_model import load_model, save_model
from acclimate.methods.prompting.one_shot import OneShot
from acclimate.methods.vocabulary.domain_tokens import DomainTokens
from acclimate.models.local.huggingface import HuggingFace
from acclimate.training.tuning_settings import TrainingSettings

WORDS = ("hydroxychloroquine", "C6H12O6")
TEXT = "the answer is hydroxychloroquine, and the (C6H12O6) in the passage is the question. "
DOCUMENTS = tuple(Document(id=str(i), text=TEXT * 4) for i in range(6))
DATA = TrainData(documents=DOCUMENTS)
SHORT = TrainingSettings(num_epochs=8, batch_size=4)
METHOD = DomainTokens(tokens=WORDS, max_seq_len=64, training=SHORT)

CONTRACT = {
    "tokens": {"value": ("morning",), "why": "must be words of the documents"},
    "descriptions": {
        "value": {"morning": "the early day"},
        "beside": {"tokens": ("morning",)},
        "why": "must be of words that are added",
    },
    "num_tokens": {"value": 1, "why": "the small documents have a few long words, not hundreds"},
    "min_count": {"value": 9, "why": "the words of small documents are met 4, 8 or 16 times"},
    "max_seq_len": {"value": 32, "why": "the small base's context is as short as the default"},
    "training.batch_size": {"value": 2, "why": "the small pages are fewer windows than a batch"},
    "training.evals_per_epoch": {
        "value": 2,
        "beside": {"training": {"batch_size": 2}},
        "why": "an epoch of one batch has room for one look",
    },
}


@pytest.fixture(params=["llama", "gpt2", "gemma2"])
def base(request, model_folder):
    """Apart, and tied; with the embeddings scaled. No rows to spare."""
    own = HuggingFace(path=str(model_folder(request.param))).load()
    own.network.resize_token_embeddings(len(own.tokenizer))
    return own


def tables(network):
    return [m.weight for m in (network.get_input_embeddings(), network.get_output_embeddings())]


def test_only_new_rows_learn(base):
    before = {name: tensor.clone() for name, tensor in base.network.state_dict().items()}
    tuned = METHOD.fit(base, DATA, seed=0)
    after = tuned.network.state_dict()
    assert set(after) == set(before)
    for name, old in before.items():
        assert torch.equal(after[name][: len(old)] if old.ndim else after[name], old), name
    new = tuned.tokenizer.convert_tokens_to_ids([*WORDS, *(f" {word}" for word in WORDS)])
    assert sorted(new) == [290, 291, 292, 293]
    for table in tables(tuned.network):
        assert len(table) == 294
    for token, form in zip(new, [*WORDS, *(f" {word}" for word in WORDS)], strict=True):
        start = [t[base.tokenizer(form)["input_ids"]].mean(0) for t in tables(base.network)]
        moved = [
            float((t[token] - s).abs().max())
            for t, s in zip(tables(tuned.network), start, strict=True)
        ]
        assert max(moved) > 0
    assert tuned.network.config.vocab_size == 294
    is_tied = [t.data_ptr() for n in (base.network, tuned.network) for t in tables(n)]
    assert (is_tied[0] == is_tied[1]) == (is_tied[2] == is_tied[3])


def test_a_row_may_begin_as_its_description(base):
    told = "answer to the question"
    method = METHOD.model_copy(update={"descriptions": {WORDS[0]: told}})
    larger, new, write = method._larger(base, [d.text for d in DOCUMENTS])
    write()
    table, own = tables(larger.network)[0], tables(base.network)[0]
    described = larger.tokenizer.convert_tokens_to_ids(f" {WORDS[0]}")
    plain = larger.tokenizer.convert_tokens_to_ids(WORDS[1])
    assert {described, plain} < new
    for token, said in ((described, told), (plain, WORDS[1])):
        mean = own[base.tokenizer(said)["input_ids"]].mean(0)
        assert torch.allclose(table[token], mean, atol=1e-6)


def test_what_is_described_must_be_new(tiny):
    method = METHOD.model_copy(update={"descriptions": {"water": "a fluid"}})
    with pytest.raises(ConfigError, match="'water' is none of the new words"):
        method.fit(tiny, DATA, seed=0)


def test_the_folder_is_transformers_own(base, tmp_path):
    import transformers

    tuned = METHOD.fit(base, DATA, seed=0)
    save_model(tuned, tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    network = transformers.AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    ids = tokenizer(TEXT, return_tensors="pt")["input_ids"]
    assert ids.tolist() == [tuned.tokenizer(TEXT)["input_ids"]]
    assert int(ids.max()) >= 290
    with torch.inference_mode():
        expected = tuned.network(input_ids=ids).logits
        assert torch.allclose(network(input_ids=ids).logits, expected, atol=1e-5)
        assert torch.equal(load_model(tmp_path).network(input_ids=ids).logits, expected)


def test_it_says_what_the_tokens_bring(tiny):
    with collect_log() as book:
        METHOD.fit(tiny, DATA, seed=0)
    facts = book.facts
    assert facts["words that got tokens of their own"] == 2
    words = len(TEXT.split())
    own = len(tiny.tokenizer(TEXT)["input_ids"]) / words
    assert facts["tokens a word, held-out documents, before"] == pytest.approx(own, rel=0.05)
    for fact in ("tokens a word", "bits per byte"):
        before, after = (
            facts[f"{fact}, held-out documents, {when}"] for when in ("before", "after")
        )
        assert after < before
    assert book.curves["dev loss, nats"]


def test_words_are_chosen_by_the_tokens_they_save(tiny):
    chosen = DomainTokens(num_tokens=1, min_count=2, max_seq_len=64)
    larger, new, _ = chosen._larger(tiny, [TEXT * 4])
    assert {larger.tokenizer.convert_ids_to_tokens(i).strip() for i in new} == {WORDS[0]}


def test_the_wrapping_stays(tiny, small_data):
    shown = OneShot().fit(tiny, small_data, seed=0)
    data = small_data.model_copy(update={"documents": DOCUMENTS})
    tuned = METHOD.fit(shown, data, seed=0)
    assert type(tuned) is type(shown)
    assert len(tuned.inner.tokenizer) == 294


def test_one_document_is_enough_and_says_what_is_missing(tiny):
    with collect_log() as book:
        METHOD.fit(tiny, TrainData(documents=DOCUMENTS[:1]), seed=0)
    told = book.facts["held-out documents, after"]
    assert told == "none: there is only one document"


def test_words_may_come_from_a_file(tmp_path):
    (tmp_path / "words.txt").write_text("# one a line\n\n hydroxychloroquine \nC6H12O6\nC6H12O6\n")
    assert DomainTokens(tokens=str(tmp_path / "words.txt")).tokens == ("# one a line", *WORDS)
    with pytest.raises(ValueError, match="cannot be read"):
        DomainTokens(tokens=str(tmp_path / "no.txt"))
    (tmp_path / "blank.txt").write_text("\n \n")
    with pytest.raises(ValueError, match="holds no word"):
        DomainTokens(tokens=str(tmp_path / "blank.txt"))


def test_what_is_known_is_named(tiny):
    known = DomainTokens(tokens=("answer", *WORDS))
    with pytest.raises(ConfigError, match="answer is one token already"):
        known.fit(tiny, DATA, seed=0)


def test_documents_too_small(tiny):
    with pytest.raises(DataError, match=r"is met 50 times .* lower min_count"):
        DomainTokens(min_count=50).fit(tiny, DATA, seed=0)
    with pytest.raises(DataError, match="none of 5 documents holds any of `tokens`"):
        DomainTokens(tokens=("nowhere-to-be-found",)).fit(tiny, DATA, seed=0)


def test_an_encoder_decoder_is_refused(model_folder):
    t5 = HuggingFace(path=str(model_folder("t5"))).load()
    with pytest.raises(NotApplicableError, match="take a decoder as base"):
        METHOD.fit(t5, DATA, seed=0)


def test_a_tokenizer_that_was_changed_alone_is_refused(model_folder):
    one = HuggingFace(path=str(model_folder("gpt2"))).load()
    one.network.resize_token_embeddings(280)
    with pytest.raises(ConfigError, match=r"290 tokens and the network rows for 280: .* belong"):
        METHOD.fit(one, DATA, seed=0)
