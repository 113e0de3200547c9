"""xml_correct: same elements and texts in order."""

import pytest

from acclimate.core.domain import Item
from acclimate.core.errors import DataError
from acclimate.core.model import Completion
from acclimate.metrics.format.xml_correct import XmlCorrect

TARGET = "<call><name>json.dumps</name><arg>obj</arg><arg>indent</arg></call>"


def score(answer, target=TARGET):
    return XmlCorrect().of_completion(Item(id="i", question="?", target=target), Completion(answer))


def test_the_target_itself_and_with_other_spaces():
    assert score(TARGET) == 1.0
    assert score(TARGET.replace("<arg>", "\n  <arg> ").replace("</arg>", " </arg>\n")) == 1.0


@pytest.mark.parametrize(
    "answer",
    [
        "<call><name>json.dump</name><arg>obj</arg><arg>indent</arg></call>",
        "<call><name>json.dumps</name><arg>indent</arg><arg>obj</arg></call>",
        "<call><name>json.dumps</name><arg>obj</arg></call>",
        "<call><name>json.dumps</name><arg><arg>obj</arg></arg><arg>indent</arg></call>",
        TARGET.replace("call>", "calls>"),
        TARGET.replace("<name>", "<name x='1'>"),
        TARGET.replace("</name>", "</name>tail"),
        TARGET[:-1],
        "",
    ],
)
def test_anything_else_is_wrong(answer):
    assert score(answer) == 0.0


def test_a_deeply_nested_answer_is_only_wrong():
    assert score("<a>" * 10_000 + "</a>" * 10_000) == 0.0


def test_a_target_that_is_not_xml_is_the_users_error():
    with pytest.raises(DataError, match="item i: xml_correct needs an XML target"):
        score("<a/>", target="f(x)")
