"""Whether the answer is well-formed XML."""

from acclimate.core.domain import Item
from acclimate.core.metric import Metric
from acclimate.core.model import Completion
from acclimate.metrics.xml_answers import parse_xml


class XmlValid(Metric):
    """1 where the whole answer is one XML document without entities or a document type."""

    def of_completion(self, item: Item, completion: Completion) -> float:
        """Score a free answer."""
        return float(parse_xml(completion.text) is not None)
