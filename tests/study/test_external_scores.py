"""Per-item results, long or wide, in any format, with every complaint in its place."""

import json

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from acclimate.core.errors import DataError
from acclimate.study.external_scores import read_results

LONG = [
    {"item": "1", "system": "a", "score": 1, "group": "x"},
    {"item": "1", "system": "b", "score": 0.5, "group": "x"},
    {"item": "2", "system": "b", "score": None, "group": "x"},
    {"item": "3", "system": "a", "score": 0, "group": None},
    {"item": "3", "system": "b", "score": 1, "group": None},
]
WIDE = [
    {"item": "1", "a": 1, "b": 0.5, "group": "x"},
    {"item": "2", "a": None, "b": None, "group": "x"},
    {"item": "3", "a": 0, "b": 1, "group": None},
]


def as_csv(rows):
    lines = [",".join(rows[0])]
    lines += [",".join("" if v is None else str(v) for v in row.values()) for row in rows]
    return "\n".join(lines)


def written(tmp_path, name, rows):
    path = tmp_path / name
    if name.endswith(".parquet"):
        parquet.write_table(pa.Table.from_pylist(rows), path)
    elif name.endswith(".csv"):
        path.write_text(as_csv(rows))
    else:
        path.write_text("\n".join(map(json.dumps, rows)))
    return path


@pytest.mark.parametrize("name", ["r.csv", "r.jsonl", "r.parquet"])
@pytest.mark.parametrize("rows", [LONG, WIDE])
def test_long_and_wide_say_the_same(tmp_path, name, rows):
    found = read_results(written(tmp_path, name, rows))
    assert found.items == ("1", "2", "3")
    assert found.clusters == ("x", "x", "3")
    nan = float("nan")
    np.testing.assert_array_equal(found.scores["a"], [1, nan, 0])
    np.testing.assert_array_equal(found.scores["b"], [0.5, nan, 1])


def test_names_that_other_tools_use(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("Model,Question_ID,is_correct\nm,1,True\nn,1,False\nm,2,true\nn,2,true\n")
    found = read_results(path)
    assert {k: v.tolist() for k, v in found.scores.items()} == {"m": [1, 1], "n": [0, 1]}
    assert found.clusters == ("1", "2")


LONG_HEADER = "item,system,score\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("question,system,score\nq,a,1\n", "no column 'item', only question, system, score; a lo"),
        ("item,system,points\n1,a,1\n", "no column 'score', only item, system, points"),
        (LONG_HEADER + "1,a,1\n1,b,good\n", "line 3: the score of 'b' is 'good', must be a finite"),
        (LONG_HEADER + "1,a,inf\n", "line 2: the score of 'a' is 'inf'"),
        (LONG_HEADER + "1,a,1\n1,a,0\n", "line 3: a second score of 'a' on item '1'"),
        (LONG_HEADER + "1,a,1\n2,a,0\n", r"has 1 system \('a'\), a comparison needs two"),
        (LONG_HEADER + "1,,1\n", "line 2: has no 'system'"),
        (LONG_HEADER + ",a,1\n", "line 2: has no 'item'"),
        (LONG_HEADER + "1,a\n", "line 2: has 2 fields where the header has 3"),
        ("item,a,b\n1,1,0\n1,0,0\n", "line 3: a second score of 'a' on item '1'"),
        ("item,a,b\n1,1,x y\n", "line 2: the score of 'b' is 'x y'"),
        ("item,a\n1,1\n", r"has 1 system \('a'\)"),
        (
            "item,system,score,group\n1,a,1,x\n1,b,1,y\n",
            "line 3: item '1' is in group 'x' and in 'y'",
        ),
    ],
)
def test_malformed_results_are_refused(tmp_path, content, message):
    path = tmp_path / "results.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=message) as caught:
        read_results(path)
    assert "results.csv" in str(caught.value)


def test_a_json_row_without_its_score_is_refused(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_text('{"item": 1, "system": "a", "score": 1}\n{"item": 2, "system": "a"}\n')
    with pytest.raises(DataError, match="line 2: has no 'score', only item, system"):
        read_results(path)
