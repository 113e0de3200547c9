"""`acclimate tokenizer`: train, compare, and one sentence for each thing that is wrong."""

import json

import pytest

from acclimate.cli import main as entry
from acclimate.data.tokenizers.save import load_tokenizer

WORDS = "the reader reads what the Writer writes; naïve  people don't\n"


@pytest.fixture
def run(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    def of(*argv):
        with pytest.raises(SystemExit) as left:
            entry.main(["tokenizer", *map(str, argv)])
        told = capsys.readouterr()
        assert "Traceback" not in told.out + told.err
        return left.value.code or 0, told.out, told.err

    return of


@pytest.fixture
def text(tmp_path):
    """A folder with a file of text, and one of JSONL."""
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text(WORDS * 20)
    rows = [json.dumps({"text": f"{WORDS} {i}"}) for i in range(20)]
    (tmp_path / "texts" / "b.jsonl").write_text("\n".join(rows))
    return tmp_path / "texts"


@pytest.mark.parametrize("kind", ["byte_bpe", "unigram"])
def test_a_trained_tokenizer_is_whole(run, text, tmp_path, kind):
    out = tmp_path / "made"
    code, said, err = run("train", text, "--out", out, f"kind={kind}", "vocab_size=320")
    assert (code, err) == (0, "")
    tokenizer = load_tokenizer(str(out))
    assert said.splitlines() == [
        f"{out}: {kind} of {len(tokenizer)} tokens",
        "It gives back every text exactly.",
    ]
    assert tokenizer.decode(tokenizer(WORDS)["input_ids"]) == WORDS


def test_what_is_lost_is_said(run, text, tmp_path):
    code, said, _ = run("train", text, "--out", tmp_path / "made", "kind=wordpiece")
    assert code == 0
    assert "does not give back every text: capitals, accents, spacing" in said
    assert "  capitals become small: 'the Writer' comes back as 'the writer'" in said
    assert "  accents are dropped: 'naïve  people' comes back as 'naive people'" in said
    assert "  spaces and line breaks change: " in said


def test_json_of_training(run, text, tmp_path):
    code, said, _ = run("train", text, "--out", tmp_path / "made", "kind=wordpiece", "--json")
    assert code == 0
    about = json.loads(said)
    assert about["kind"] == "wordpiece"
    assert about["vocab_size"] == len(load_tokenizer(str(tmp_path / "made")))
    assert {loss["cause"] for loss in about["losses"]} >= {"accents are dropped"}


def test_tokenizers_are_compared_on_the_text(run, text, tmp_path):
    for kind in ("byte_bpe", "characters"):
        run("train", text, "--out", tmp_path / kind, f"kind={kind}", "vocab_size=300")
    (tmp_path / "new.txt").write_text("the reader\n☃ r")
    names = [str(tmp_path / kind) for kind in ("byte_bpe", "characters")]
    command = ["compare", tmp_path / "new.txt", "--with", names[0], "--with", names[1]]
    code, said, _ = run(*command, "--json")
    assert code == 0
    found = json.loads(said)
    assert list(found) == names
    characters = found[names[1]]
    # 14 characters, of which one is unknown; four words; ☃ takes three bytes.
    assert (characters["num_tokens"], characters["num_words"]) == (14, 4)
    assert characters["tokens_per_word"] == pytest.approx(14 / 4)
    assert characters["bytes_per_token"] == pytest.approx(16 / 14)
    assert (characters["unknown_share"], characters["changed_share"]) == (1 / 14, 1)
    assert found[names[0]]["changed_share"] == 0
    table = run(*command)[1]
    assert "3.500" in table
    assert "7.14 %" in table
    assert max(map(len, table.splitlines())) <= 80


def test_of_a_corpus_each_takes_its_split(run, text, tmp_path):
    from acclimate.data.corpus.build import build_corpus, documents
    from acclimate.data.corpus.settings import CorpusSettings

    rows = [{"text": " ".join(f"word{i}of{j}" for j in range(9))} for i in range(40)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    settings = CorpusSettings(quality="none", test_share=0.3)
    build_corpus([tmp_path / "rows.jsonl"], settings, tmp_path / "corpus")
    run("train", tmp_path / "corpus", "--out", tmp_path / "made", "kind=characters")
    said = run("compare", tmp_path / "corpus", "--with", tmp_path / "made", "--json")[1]
    (counted,) = json.loads(said).values()
    assert 0 < counted["num_texts"] == len(list(documents(tmp_path / "corpus", "test"))) < 40


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["trian", "{text}"], "no action of tokenizer is called 'trian'; did you mean train?"),
        (["train", "{text}"], "say where it goes, as --out my-tokenizer"),
        (["train", "kind=unigram", "--out", "{out}"], "name at least one file or folder of text"),
        (["train", "{out}", "--out", "{out}"], "new: no such file or folder"),
        (["train", "{text}", "--out", "{text}"], "texts: is there and not empty"),
        (["train", "{text}", "--out", "{out}", "kind=bpe"], "'bpe'; did you mean byte_bpe?"),
        (["train", "{text}", "--out", "{out}", "size=9"], "no field is called 'size'"),
        (["train", "{text}", "--out", "{out}", "vocab_size=9"], "must be at least 260"),
        (["train", "{empty}", "--out", "{out}"], "there is no text to train a tokenizer on"),
        (["compare", "{text}"], "name a tokenizer, as --with my-tokenizer"),
        (["compare", "{text}", "a=b", "--with", "x"], "a=b: no such file; compare takes no"),
        (["compare", "{text}", "--with", "{text}"], "texts: holds no tokenizer"),
        (["compare", "{text}", "--with", "{out}"], "new: there is no such folder"),
    ],
)
def test_what_is_wrong_is_one_sentence(run, text, tmp_path, words, fault):
    (tmp_path / "empty.txt").write_text("\n\n")
    places = {"text": text, "out": tmp_path / "new", "empty": tmp_path / "empty.txt"}
    code, out, err = run(*(word.format(**places) for word in words))
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert fault in err
    assert err.count("\n") == 1
    assert not (tmp_path / "new").exists()
