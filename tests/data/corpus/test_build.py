"""From files to a corpus: every document accounted for, whole or not at all."""

import gzip
import json

import numpy as np
import pytest

from acclimate.core.errors import ConfigError, DataError, UnknownNameError
from acclimate.core.runtime.progress import report_progress_to
from acclimate.data.corpus import build
from acclimate.data.corpus.build import build_corpus, documents
from acclimate.data.corpus.settings import CorpusSettings
from changed_code import change_code

RNG = np.random.default_rng(0)
WORDS = [a + b + c for a in "bdfgklmprst" for b in ("ato", "iru", "ela", "ove") for c in "nstr"]


def prose(num_words=120):
    words = [str(w) for w in RNG.choice(WORDS, num_words)]
    return " ".join(["The", *words[:60], "and", *words[60:]]) + " of the end.\n"


def write_rows(path, rows):
    path.parent.mkdir(exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


def dropped(folder):
    lines = (folder / "dropped.jsonl").read_text().splitlines()
    return {row["id"]: row["reason"] for row in map(json.loads, lines)}


@pytest.fixture
def raw(tmp_path):
    """A folder with 64 good documents and one of every bad kind."""
    folder = tmp_path / "raw"
    good = [{"id": f"g{n}", "text": prose()} for n in range(60)]
    near = good[3]["text"].replace("The", "the only", 1)
    write_rows(folder / "a.jsonl.gz", [*good, {"id": "same", "text": good[5]["text"]}])
    write_rows(folder / "b.jsonl", [{"id": "near", "text": near}, {"id": "short", "text": "Hm."}])
    page = f"<nav>Menu</nav><main><p>{prose()}</p><p>Please enable JavaScript.</p></main>"
    (folder / "c.html").write_text(page)
    (folder / "d.md").write_text(f"# Heading\n\n{prose()}")
    (folder / "e.txt").write_bytes(f"{prose()}café\n".encode("latin-1"))
    (folder / "f.py").write_text(prose())
    (folder / "g.bin").write_bytes(b"\0\1\2\3")
    (folder / "h.txt").write_text("\n \n")
    with (folder / "b.jsonl").open("a") as file:
        file.write("{no json\n")
    return folder


def test_every_document_is_kept_or_listed(raw, tmp_path):
    folder = tmp_path / "corpus"
    build_corpus([raw], CorpusSettings(dev_share=0.1, test_share=0.05), folder)
    assert {k: v.partition(":")[0] for k, v in dropped(folder).items()} == {
        "same": "exact_duplicate",
        "near": "near_duplicate",
        "short": "min_words",
        "raw/b.jsonl:3": "malformed_row",
        "raw/g.bin": "unreadable_file",
        "raw/h.txt": "empty",
    }
    assert dropped(folder)["near"] == "near_duplicate: of g3"
    kept = {s: dict(documents(folder, s)) for s in ("train", "dev", "test")}
    assert len(kept["train"]) + len(kept["dev"]) + len(kept["test"]) == 64
    together = kept["train"] | kept["dev"] | kept["test"]
    assert len(together) == 64
    assert "Menu" not in together["raw/c.html"]
    assert "JavaScript" not in together["raw/c.html"]
    assert together["raw/d.md"].startswith("Heading")
    assert together["raw/e.txt"].endswith("café\n")


def test_the_summary_counts_everything(raw, tmp_path):
    folder = tmp_path / "corpus"
    summary = build_corpus([raw], CorpusSettings(dev_share=0.1, test_share=0.05), folder)
    assert summary.num_documents_read == 69
    assert summary.num_documents_kept == 64
    assert summary.dropped == {
        "min_words": 1, "malformed_row": 1, "empty": 1, "exact_duplicate": 1, "near_duplicate": 1,
    }  # fmt: skip
    assert summary.lines_dropped == {"javascript": 1}
    [unreadable] = summary.unreadable
    assert "g.bin: is no text" in unreadable
    for split, count in summary.splits.items():
        texts = [text for _, text in documents(folder, split)]
        assert count.num_documents == len(texts)
        assert count.num_bytes == sum(len(text.encode()) for text in texts)
    assert summary.num_bytes_kept == sum(s.num_bytes for s in summary.splits.values())
    assert {p.name for p in folder.iterdir()} == {*summary.file_bytes, "summary.json"}
    shown = {name: count for name, count, _ in summary.rows()}
    assert shown["documents read"] == 69
    assert shown["dropped: empty"] == 1
    assert shown["lines dropped: javascript"] == 1
    assert shown["unreadable files"] == 1
    assert shown["train"] == summary.splits["train"].num_documents


def test_the_same_again_does_nothing_and_anything_else_builds_anew(raw, tmp_path, monkeypatch):
    folder = tmp_path / "corpus"
    first = build_corpus([raw], CorpusSettings(), folder)
    with monkeypatch.context() as patch:
        patch.setattr(build, "_build", lambda *_: pytest.fail("built again"))
        assert build_corpus([raw], CorpusSettings(), folder) == first
    other = build_corpus([raw], CorpusSettings(quality="none"), folder)
    assert other.num_documents_kept == 65
    (raw / "f.py").write_text(prose() + prose())
    assert build_corpus([raw], CorpusSettings(quality="none"), folder).digest != other.digest
    (folder / "train.jsonl").write_text("cut off")
    with pytest.raises(DataError, match="holds no corpus, or a damaged one"):
        documents(folder, "train")
    assert build_corpus([raw], CorpusSettings(), folder).num_documents_kept == 64


def test_seeds_move_documents_and_nothing_else_does(raw, tmp_path):
    def ids(name, seed):
        build_corpus([raw], CorpusSettings(seed=seed, dev_share=0.2), tmp_path / name)
        return sorted(i for i, _ in documents(tmp_path / name, "dev"))

    assert ids("one", 0) == ids("two", 0) != ids("three", 1)


def test_processes_give_the_same_corpus(raw, tmp_path, monkeypatch):
    build_corpus([raw], CorpusSettings(), tmp_path / "alone")
    monkeypatch.setattr(build, "_SMALL_BYTES", 0)
    monkeypatch.setattr(build, "_BATCH_CHARS", 2_000)
    monkeypatch.setattr(build, "num_processors", lambda: 2)
    build_corpus([raw], CorpusSettings(), tmp_path / "together")
    for name in ("train.jsonl", "dev.jsonl", "test.jsonl"):
        assert (tmp_path / "alone" / name).read_bytes() == (
            tmp_path / "together" / name
        ).read_bytes()
    assert dropped(tmp_path / "alone") == dropped(tmp_path / "together")


def test_strict_stops_at_what_cannot_be_read(raw, tmp_path):
    folder = tmp_path / "corpus"
    build_corpus([raw], CorpusSettings(), folder)
    with pytest.raises(DataError, match=r"b\.jsonl, line 3.*malformed JSON"):
        build_corpus([raw], CorpusSettings(), folder, is_strict=True)
    (raw / "g.bin").rename(tmp_path / "g.bin")
    build_corpus([raw], CorpusSettings(), folder)
    with pytest.raises(DataError, match=r"b\.jsonl, line 3.*malformed JSON"):
        build_corpus([raw], CorpusSettings(), folder, is_strict=True)
    (tmp_path / "g.bin").rename(raw / "g.bin")
    (raw / "b.jsonl").unlink()
    with pytest.raises(DataError, match=r"g\.bin: is no text"):
        build_corpus([raw], CorpusSettings(), tmp_path / "other", is_strict=True)
    assert not (tmp_path / "other").exists()


def test_one_document_is_kept_as_it_is_and_cut_by_position(tmp_path):
    text = "KING:\nOnce more!\n\n" * 500 + "#\n#\n"
    (tmp_path / "play.txt").write_text(text)
    folder = tmp_path / "corpus"
    settings = CorpusSettings(dev_share=0.1, test_share=0)
    summary = build_corpus([tmp_path / "play.txt"], settings, folder)
    assert summary.is_cut_by_position
    assert list(documents(folder, "train")) == [("play.txt", text[: int(len(text) * 0.9)])]
    assert list(documents(folder, "dev")) == [("play.txt", text[int(len(text) * 0.9) :])]
    assert summary.splits["test"].num_documents == 0


def test_parts_of_a_long_document_stay_in_order_and_together(tmp_path, monkeypatch):
    monkeypatch.setattr("acclimate.data.corpus.text_blocks.MAX_PART_CHARS", 1000)
    text = "".join(prose() for _ in range(9))
    (tmp_path / "one.txt").write_text(text)
    folder = tmp_path / "corpus"
    build_corpus([tmp_path / "one.txt"], CorpusSettings(dev_share=0.2, test_share=0.2), folder)
    splits = ["".join(t for _, t in documents(folder, s)) for s in ("train", "test", "dev")]
    assert "".join(splits) == text
    for name in "abcdef":
        (tmp_path / "many").mkdir(exist_ok=True)
        (tmp_path / "many" / name).write_text("".join(prose() for _ in range(4)))
    build_corpus([tmp_path / "many"], CorpusSettings(dev_share=0.2, test_share=0.2), folder)
    found = [
        {i.partition("#")[0] for i, _ in documents(folder, s)} for s in ("train", "dev", "test")
    ]
    assert sum(map(len, found)) == 6
    assert set.union(*found) == {f"many/{name}" for name in "abcdef"}


def test_quality_none_keeps_all_that_has_text(raw, tmp_path):
    summary = build_corpus([raw], CorpusSettings(quality="none"), tmp_path / "corpus")
    assert set(summary.dropped) == {"malformed_row", "empty", "exact_duplicate", "near_duplicate"}
    assert summary.lines_dropped == {}


def test_quality_web_drops_lines_everywhere(tmp_path):
    good = prose().strip()
    rows = [{"text": f"Title\n{good} Yes. No.\n{n} words."} for n in range(3)]
    write_rows(tmp_path / "a.jsonl", rows)
    summary = build_corpus([tmp_path / "a.jsonl"], CorpusSettings(quality="web"), tmp_path / "c")
    assert summary.lines_dropped == {"line_end": 3, "line_words": 3}
    assert summary.dropped["exact_duplicate"] == 2


def test_all_dropped_is_one_sentence_and_leaves_nothing(tmp_path):
    write_rows(tmp_path / "a.jsonl", [{"text": "too short"}, {"text": ""}, {"text": "short"}])
    with pytest.raises(DataError) as raised:
        build_corpus([tmp_path / "a.jsonl"], CorpusSettings(), tmp_path / "corpus")
    said = str(raised.value)
    assert said.startswith("all 3 documents were dropped (min_words: 2, empty: 1); the first was ")
    assert "a.jsonl, line 1: min_words: 2 words, at least 50; quality=none" in said
    assert {p.name for p in tmp_path.iterdir()} <= {"a.jsonl", "home"}


def test_an_empty_corpus_is_one_sentence(tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.txt").write_text("")
    (tmp_path / "raw" / "b.jsonl").write_text("\n")
    with pytest.raises(DataError, match=r"the corpus is empty: no document in 2 files \(all are"):
        build_corpus([tmp_path / "raw"], CorpusSettings(), tmp_path / "corpus")
    (tmp_path / "raw" / "c.bin").write_bytes(b"\0")
    with pytest.raises(DataError, match=r"no document in 3 files \(the first says .*c\.bin"):
        build_corpus([tmp_path / "raw"], CorpusSettings(), tmp_path / "corpus")


def test_progress_reaches_the_whole(raw, tmp_path):
    from contextlib import contextmanager

    done = {}

    @contextmanager
    def listener(label, total):
        done[label] = [total, 0]

        def advance(count):
            done[label][1] += count

        yield advance

    with report_progress_to(listener):
        build_corpus([raw], CorpusSettings(), tmp_path / "corpus")
    assert done["cleaning, MB"][1] == pytest.approx(done["cleaning, MB"][0])
    assert len(done) == 3


def test_no_such_split_and_no_such_corpus(raw, tmp_path):
    with pytest.raises(UnknownNameError, match="no split is called 'tset'; did you mean test"):
        documents(tmp_path, "tset")
    with pytest.raises(DataError, match="holds no corpus"):
        documents(tmp_path, "test")


def test_the_corpus_is_not_written_among_its_sources(raw, tmp_path):
    for folder in (raw, raw / "below", tmp_path):
        with pytest.raises(ConfigError, match="would be written among what it is read from"):
            build_corpus([raw], CorpusSettings(), folder)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("x")
    with pytest.raises(ConfigError, match="holds something else"):
        build_corpus([raw], CorpusSettings(), tmp_path / "precious")
    assert len(list(raw.iterdir())) == 8


@pytest.mark.parametrize("label", ["data/corpus/filters/gopher.py", "data/corpus/splits.py"])
def test_a_corpus_by_other_code_is_built_again(label, raw, tmp_path, monkeypatch):
    folder = tmp_path / "corpus"
    before = build_corpus([raw], CorpusSettings(), folder)
    assert before.made_by.stale() == ()
    change_code(monkeypatch, label)
    assert list(documents(folder, "train"))  # what is there is still read
    after = build_corpus([raw], CorpusSettings(), folder)
    assert (before.made_by.stale(), after.made_by.stale()) == ((f"code changed: {label}",), ())
    with monkeypatch.context() as patch:
        patch.setattr(build, "_build", lambda *_: pytest.fail("built again"))
        assert build_corpus([raw], CorpusSettings(), folder) == after
