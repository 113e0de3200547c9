"""xml_valid: well-formed answers, broken ones and attacks."""

import pytest

from acclimate.core.domain import Item
from acclimate.core.model import Completion
from acclimate.metrics.format.xml_valid import XmlValid

BOMB = (
    '<!DOCTYPE b [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'
    "<call>&c;</call>"
)
EXTERNAL = '<!DOCTYPE b [<!ENTITY x SYSTEM "file:///etc/hostname">]><call>&x;</call>'


def score(answer):
    return XmlValid().of_completion(Item(id="i", question="?", target="<a/>"), Completion(answer))


@pytest.mark.parametrize("answer", ["<a/>", " <call><name>f</name></call>\n", "<a>&lt;</a>"])
def test_well_formed(answer):
    assert score(answer) == 1.0


@pytest.mark.parametrize(
    "answer",
    ["", "f(x)", "<a>", "<a></b>", "<a/><b/>", "text <a/>", "<a>\x00</a>", BOMB, EXTERNAL,
     "<!DOCTYPE a><a/>", "<a>" * 200_000],
)  # fmt: skip
def test_not_well_formed_or_an_attack(answer):
    assert score(answer) == 0.0
