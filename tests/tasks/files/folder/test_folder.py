"""A folder as a domain: forms, cuts, and every kind of bad input."""

import json
from itertools import pairwise

import pytest

from acclimate.core.errors import DataError
from acclimate.core.record import digest
from acclimate.tasks.files.folder import Folder

WORDS = (
    *("apple", "brick", "cloud", "drum", "eagle", "frost", "glove"),
    *("house", "ivory", "jelly", "kite", "lemon", "mango", "noise"),
)


def row(number, **more):
    first, second = WORDS[number % 14], WORDS[(number // 14 + 3 * number) % 14]
    question = f"What goes with {first} and {second} in round {number}?"
    return {"question": question, "answer": f"{second} {number}", **more}


@pytest.fixture
def folder(tmp_path):
    """Write tables and documents into a folder and give it."""

    def write(**tables):
        root = tmp_path / "shop"
        root.mkdir(exist_ok=True)
        for name, content in tables.items():
            path = root / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(exist_ok=True)
            if isinstance(content, list):
                text = "".join(json.dumps(one) + "\n" for one in content)
                path.with_suffix(".jsonl").write_text(text)
            else:
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return root

    return write


def read(root, **fields):
    return Folder(path=root, **fields).read()


def ids(tasks):
    return {item.id for task in tasks for item in task.items}


def test_three_tables(folder):
    reading = read(folder(train=[row(1)], dev=[row(2)], test=[row(3, group="g", id=7)]))
    domain = reading.domain
    assert (domain.name, reading.notes) == ("shop", ())
    assert domain.train[0].items[0].id == "train-1"
    item = domain.test[0].items[0]
    assert (item.id, item.group, item.question) == ("7", "g", row(3)["question"])
    assert domain.test[0].metrics == ("exact_match",)


def test_load_gives_the_same_domain(folder):
    root = folder(train=[row(i) for i in range(10)])
    assert digest(Folder(path=root).load()) == digest(read(root).domain)


def test_missing_splits_are_cut_from_train_and_said(folder):
    rows = [row(i, group=f"g{i // 4}") for i in range(80)]
    reading = read(folder(train=rows))
    domain = reading.domain
    sizes = [len(ids(split)) for split in (domain.train, domain.dev, domain.test)]
    assert sum(sizes) == 80
    assert sizes[2] == pytest.approx(16, abs=4)
    groups = [
        {i.group for t in split for i in t.items}
        for split in (domain.train, domain.dev, domain.test)
    ]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 20
    assert [note.split(":")[0] for note in reading.notes] == ["test", "dev"]
    assert "cut by group with seed 0, as there is no test table" in reading.notes[0]
    other = read(folder(train=rows), seed=1).domain
    assert ids(other.test) != ids(domain.test)


def test_dev_is_cut_from_train_where_test_is_there(folder):
    domain = read(folder(train=[row(i) for i in range(20)], test=[row(i) for i in (50, 51)])).domain
    assert ids(domain.test) == {"test-1", "test-2"}
    assert len(ids(domain.dev)) == 3
    assert len(ids(domain.train)) == 17


def test_test_alone_gives_dev_and_no_train(folder):
    domain = read(folder(test=[row(i) for i in range(20)])).domain
    assert (domain.train, len(ids(domain.dev)), len(ids(domain.test))) == ((), 3, 17)


def test_near_duplicates_stay_in_one_split_when_cut(folder):
    long = (
        "and tell what is known of it in as many words as you like but not in more, please, for "
        "the reader has other work to do and the evening comes early at this time"
    )
    rows = [row(i) for i in range(10)]
    rows += [{"question": f"Take {WORDS[i]} {long}", "answer": "x"} for i in range(8)]
    domain = read(folder(train=rows)).domain
    for split in (domain.train, domain.dev, domain.test):
        held = [i for t in split for i in t.items if i.target == "x"]
        assert len(held) in {0, 8}


def test_choices_and_tasks(folder):
    rows = [{"question": f"q {w}", "choices": ["a", "b"], "answer": "a"} for w in WORDS]
    domain = read(folder(test=[*rows, row(1)])).domain
    assert {t.name: t.metrics for t in domain.test} == {
        "choice": ("choice_accuracy",),
        "answer": ("exact_match",),
    }


def test_domain_yaml(folder):
    yaml = (
        "name: My shop\ntasks:\n  buy:\n    metric: [exact_match, xml_valid]\n"
        "    instruction: Be brief.\n    max_new_tokens: 5\n    stop: ['.']\n"
    )
    root = folder(domain_dot_yaml=yaml, dev=[row(1)], test=[row(2)])
    task = read(root).domain.test[0]
    assert (task.name, task.metrics, task.instruction) == (
        "buy", ("exact_match", "xml_valid"), "Be brief.",
    )  # fmt: skip
    assert (task.max_new_tokens, task.stop) == (5, (".",))


def test_documents_preferences_control_and_running_text(folder):
    domain = read(
        folder(
            documents__a_dot_md="# Title\n\nText.",
            train=[{"text": "running words"}, row(1), row(4), row(6)],
            test=[row(2, sources=["a.md"])],
            preferences=[{"prompt": "p", "chosen": "c", "rejected": "r", "task": "answer"}],
            control=[{"text": "general"}, {"question": "q", "choices": ["a", "b"], "answer": 1}],
        )
    ).domain
    assert {d.id: d.text for d in domain.documents} == {
        "a.md": "# Title\n\nText.",
        "train.jsonl:1": "running words",
    }
    assert domain.test[0].items[0].sources == ("a.md",)
    assert (domain.preferences[0].rejected, domain.preferences[0].task) == ("r", "answer")
    assert domain.control.texts == ("general",)
    assert domain.control.task.items[0].target == "b"


def test_csv_and_parquet(folder):
    import pyarrow as pa
    from pyarrow import parquet

    root = folder(
        validation_dot_csv='question,answer,choices\nq one,b,"[""a"", ""b""]"\n',
    )
    table = pa.Table.from_pylist([{"question": "q", "answer": "y", "choices": ["x", "y"]}])
    parquet.write_table(table, root / "test.parquet")
    domain = read(root).domain
    assert domain.dev[0].items[0].choices == ("a", "b")
    assert domain.test[0].items[0].target == "y"


def test_documents_alone_are_asked_about_and_held_out(folder):
    texts = {
        f"documents__d{i}_dot_md": " ".join(
            f"The {a} of house {i} was {b} when somebody came by." for a, b in pairwise(WORDS)
        )
        for i in range(8)
    }
    reading = read(folder(**texts))
    domain = reading.domain
    held = {i.group for t in (*domain.dev, *domain.test) for i in t.items}
    assert held
    assert not held & {d.id for d in domain.documents}
    assert len(held) + len(domain.documents) == 8
    assert "held out with seed 0" in reading.notes[0]


def test_unread_files_and_repeated_dev_items_are_said(folder):
    root = folder(tests=[row(1)], train=[row(2), row(3)], dev=[row(2)], test=[row(4)])
    notes = " ".join(read(root).notes)
    assert "tests.jsonl: not read; tables are called control, dev" in notes
    assert "dev: 1 items are also in train, the first at" in notes


def test_doubtful_test_items_are_said(folder):
    again = {**row(5), "question": row(5)["question"].upper() + " "}
    test = [row(5), again, {**row(5), "answer": "otherwise"}, row(6, group="g"), row(7)]
    root = folder(train=[row(2, group="g"), row(3)], dev=[row(4)], test=test)
    assert [n.replace(f"{root}/", "") for n in read(root).notes] == [
        "test: 1 items stand there before, the first at test.jsonl, line 2; each counts again: "
        "drop them",
        "test: 1 items ask what another does and answer otherwise, the first at test.jsonl, "
        "line 3; keep the right one",
        "test: 1 items are of a group that is in train or dev too, the first at test.jsonl, "
        "line 4; cut the splits by group",
    ]


def test_a_misspelt_column_is_said(folder):
    rows = [row(i, gruop="g", source_url="u") for i in (1, 2)]
    root = folder(test=rows, dev=[row(3)])
    assert read(root).notes == (f"{root}/test.jsonl: nobody reads 'gruop'; did you mean 'group'?",)


def test_choices_of_one_text_in_another_order_are_another_question(folder):
    rows = [
        {"question": "which?", "answer": "b", "choices": list(choices)}
        for choices in (("a", "b"), ("b", "c"))
    ]
    assert read(folder(test=rows, dev=[row(3, task="x")])).notes == ()


OK = json.dumps(row(1))
ONE = [row(1)]


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"test_dot_jsonl": OK + "\n{bad\n"}, r"test\.jsonl, line 2.*: malformed JSON"),
        ({"test_dot_jsonl": b'{"question": "caf\xe9"}\n'}, r"test\.jsonl, line 1: .*not UTF-8"),
        ({"test_dot_jsonl": ""}, r"test\.jsonl: is empty"),
        ({"test": [row(1), {"question": "q"}]}, r"test\.jsonl, line 2: has 'question' but no"),
        ({"test": [{"foo": 1}]}, r"test\.jsonl, line 1: has the columns 'foo', which are no"),
        ({"test": [{"text": "x"}]}, r"test\.jsonl, line 1: has 'text' but no question"),
        ({"test": [row(1, choices=["x", "y"])]}, r"line 1: .* is not among the choices"),
        ({"test": [row(1, id="a")], "dev": [row(2, id="a")]},
         r"test\.jsonl, line 1: the id 'a' is that of .*dev\.jsonl, line 1 too"),
        ({"train": [row(5), row(1)], "test": [row(3), row(1)]},
         r"test\.jsonl, line 2: is the same as .*train\.jsonl, line 2"),
        ({"dev": ONE, "test": ONE}, r"test\.jsonl, line 1: is the same as .*dev\.jsonl, line 1"),
        ({"test": [row(1, sources=["b.md"])], "documents__a_dot_md": "x"},
         r"test\.jsonl, line 1: documents/ has no 'b\.md'; did you mean 'a\.md'"),
        ({"train": [row(1), row(2)]}, r"train\.jsonl: 2 items in 2 groups cannot be cut"),
        ({"test": ONE, "test_dot_csv": "question,answer\nq,a\n"}, r"are both the test table"),
        ({"documents__a_dot_md": "short"}, r"shop: 1 documents and no items: that is too l"),
        ({"readme_dot_txt": "x"}, r"has no train or test table and no documents"),
        ({"test": ONE, "preferences": [{"prompt": "p", "chosen": "c"}]},
         r"preferences\.jsonl, line 1: has no 'rejected'"),
        ({"test": ONE, "preferences": [{"prompt": "p", "chosen": "c", "rejected": "c"}]},
         r"line 1: chosen and rejected are the same"),
        ({"test": ONE, "preferences": [{"prompt": "p", "chosen": "c", "rejected": " "}]},
         r"preferences\.jsonl, line 1: 'rejected' is empty; write the answer, or drop the row"),
        ({"test": ONE,
          "preferences": [{"prompt": "p", "chosen": "c", "rejected": "r", "task": "x"}]},
         r"preferences\.jsonl, line 1: no task is called 'x'; known: answer"),
        ({"test": ONE, "dev": [row(2)], "control": [row(2)]},
         r"control\.jsonl, line 1: .* needs 'choices'"),
        ({"test": ONE, "domain_dot_yaml": "name: ["}, r"domain\.yaml, line \d: malformed YAML"),
        ({"test": ONE, "domain_dot_yaml": "nam: x"}, r"no field is called 'nam'; did you mean"),
        ({"test": ONE, "domain_dot_yaml": "- x"}, r"domain\.yaml: must be a mapping"),
        ({"test": ONE, "domain_dot_yaml": "tasks: {a: {metric: exact_mach}}"},
         r"no metric is called 'exact_mach'; did you mean exact_match"),
        ({"test": ONE, "domain_dot_yaml": "tasks: {a: {max_new_tokens: 0}}"}, r"max_new_tokens=0"),
        ({"test": ONE, "domain_dot_yaml": "tasks: {a: {template: '{% if'}}"},
         r"template of task 'a', line 1"),
        ({"test": ONE, "domain_dot_yaml": "tasks: {a: {template: 'Say:'}}"}, r"shows no \{\{ q"),
        ({"test": ONE, "domain_dot_yaml": "tasks: {a: {}, b: {}}"},
         r"test\.jsonl, line 1: has no 'task'; domain\.yaml names several: a, b"),
        ({"test": [row(1, task="rul")], "domain_dot_yaml": "tasks: {rule: {}, b: {}}"},
         r"line 1: no task is called 'rul'; did you mean rule"),
        ({"test": ONE, "dev": [row(2)], "domain_dot_yaml": "tasks: {a: {metric: choice_accuracy}}"},
         r"line 1: task 'a' is scored by choice_accuracy, which needs 'choices'"),
        ({"test": ONE, "dev": [row(2)], "domain_dot_yaml": "tasks: {a: {metric: recall_at_k}}"},
         r"domain\.yaml: task 'a': recall_at_k is reported beside the answer"),
        ({"test": ONE, "dev": [row(2)],
          "domain_dot_yaml": "tasks: {a: {metric: [exact_match, choice_accuracy]}}"},
         r"choice_accuracy weighs choices and exact_match judges a free answer"),
        ({"test_dot_jsonl": OK + '\n{"question": "q", "answer": NaN}\n'},
         r"line 2: answer=nan: must be text between quotes"),
        ({"test": ONE, "dev": [row(2)], "documents": "x"}, r"documents: is a file; it must be a"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_with_its_place(folder, tables, message):
    with pytest.raises(DataError, match=message):
        read(folder(**tables))


def test_near_duplicates_of_test_in_train_name_both_lines(folder):
    long = (
        "A customer brings back a lamp that she bought in spring and says that the switch does not "
        "work any more since she moved; which form has to be filled in by whoever takes it?"
    )
    tables = {
        "train": [row(1), {"question": long, "answer": "the green one"}],
        "test": [{"question": long.replace("lamp", "torch"), "answer": "the green one"}],
    }
    with pytest.raises(DataError, match=r"test\.jsonl, line 1: is 91% the same as .*, line 2"):
        read(folder(**tables))


def test_an_answer_in_a_document_is_legitimate(folder):
    text = f"{row(1)['question']} {row(1)['answer']}"
    assert read(folder(documents__a_dot_md=text, dev=[row(2)], test=[row(1)])).domain.documents


def test_a_missing_folder_is_said(tmp_path):
    with pytest.raises(DataError, match="no such folder; make one with: acclimate init"):
        read(tmp_path / "none")


def examples(request):
    """A folder with one table, which is cut by group."""
    root = request.getfixturevalue("tmp_path") / "small"
    root.mkdir()
    rows = [row(number, group=f"g{number // 2}") for number in range(30)]
    (root / "train.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    return Folder(path=root)
