"""Whether the answer is XML with the same elements and texts as the target."""

from acclimate.core.domain import Item
from acclimate.core.errors import DataError
from acclimate.core.metric import Metric
from acclimate.core.model import Completion
from acclimate.metrics.xml_answers import parse_xml, same_xml


class XmlCorrect(Metric):
    """1 where tags, attributes and texts equal the target's in order, spaces around them aside."""

    def of_completion(self, item: Item, completion: Completion) -> float:
        """Score a free answer.

        Raises:
            DataError: The item's own target is not XML.
        """
        wanted, got = parse_xml(item.target), parse_xml(completion.text)
        if wanted is None:
            raise DataError(
                f"item {item.id}: xml_correct needs an XML target, got {item.target[:60]!r}; "
                "mend the target or choose another metric"
            )
        return float(got is not None and same_xml(got, wanted))
