"""Recorded answers are read under the names that tools use."""

import pytest

from acclimate.core.errors import DataError
from acclimate.models.local.recorded.answers_table import RecordedAnswer, read_answers


def written(tmp_path, content):
    path = tmp_path / "answers.csv"
    path.write_text(content)
    return path


def test_columns_by_other_names(tmp_path):
    path = written(
        tmp_path, "id,output,latency,cost,input_tokens,num_tokens\n7, yes ,0.5,0.01,9,2\n"
    )
    (answer,) = read_answers(path)["7"].rows
    assert answer == RecordedAnswer("7", " yes ", False, None, 9, 2, 0.5, 0.01)


def test_answers_and_choices_in_one_table(tmp_path):
    path = written(tmp_path, "item,answer,choice,logprob\n1,free,,\n2,,a,-3\n2,,b,-1\n")
    found = read_answers(path)
    assert found["1"].best.text == "free"
    assert found["2"].best.text == "b"
    assert [row.logprob for row in found["2"].weighed] == [-3.0, -1.0]


def test_one_system_of_several(tmp_path):
    path = written(tmp_path, "item,system,answer\n1,x,a\n1,y,b\n")
    assert read_answers(path, "y")["1"].best.text == "b"


@pytest.mark.parametrize(
    ("content", "system", "message"),
    [
        ("item,system,answer\n1,x,a\n1,y,b\n", "", r"holds 2 systems \(x, y\); name one: system=x"),
        ("item,system,answer\n1,x,a\n", "z", "has no system 'z', only x"),
        ("item,answer\n1,a\n", "z", "has no system 'z', only nameless rows"),
        ("item,answer\n1,a\n1,b\n", "", "line 3: a second answer of item '1'"),
        ("item,system,answer\n1,y,a\n1,x,a\n1,x,b\n", "x", "line 4: a second answer of item '1'"),
        ("item,choice,logprob\n1,a,-1\n1,a,-2\n", "", "line 3: a second row of the choice 'a'"),
        ("item,choice,logprob\n1,a,\n", "", "line 2: has no 'logprob'"),
        ("item,text\n1,a\n", "", "line 2: has no 'answer', only item, text"),
        ("item,answer\n,a\n", "", "line 2: has no 'item'"),
        ("item,answer,logprob\n1,a,0.1\n", "", "logprob='0.1', must be a finite number, at most 0"),
        ("item,answer,cost\n1,a,$3\n", "", r"cost='\$3', must be a finite number, at least 0"),
        ("item,answer,seconds\n1,a,-3\n", "", "seconds='-3', must be"),
    ],
)
def test_malformed_answers_are_refused(tmp_path, content, system, message):
    with pytest.raises(DataError, match=message):
        read_answers(written(tmp_path, content), system)
