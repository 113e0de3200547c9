"""Every pair's rejected answer is really worse."""

from acclimate.core.domain import Item, Preference
from acclimate.core.model import Completion
from acclimate.metrics.format.xml_correct import XmlCorrect
from acclimate.tasks.package.python_docs.preferences import FAULTS, xml_preferences

TARGET = "<call><name>os.path.join</name><arg>a</arg><arg>b</arg></call>"
ITEMS = [
    Item(id=str(i), question=f"Write this call as XML: f{i}(a, b)", target=TARGET)
    for i in range(len(FAULTS) + 1)
]


def test_the_faults_are_five_kinds_and_all_wrong():
    pairs = list(xml_preferences(ITEMS, "call_as_xml"))
    assert pairs[0] == Preference(
        prompt=ITEMS[0].question,
        chosen=TARGET,
        rejected="os.path.join(a, b)",
        task="call_as_xml",
    )
    assert pairs[5].rejected == pairs[0].rejected
    assert [pair.rejected for pair in pairs[1:5]] == [
        "<call><name>os.path.join</name><arg>a</arg><arg>b</arg>",
        f"Here is the call as XML: {TARGET}",
        "<call><name>os.path.join</name><arg>a</arg></call>",
        "<call><name>os.path.join</name><param>a</param><param>b</param></call>",
    ]
    for item, pair in zip(ITEMS, pairs, strict=True):
        assert XmlCorrect().of_completion(item, Completion(pair.chosen)) == 1
        assert XmlCorrect().of_completion(item, Completion(pair.rejected)) == 0
