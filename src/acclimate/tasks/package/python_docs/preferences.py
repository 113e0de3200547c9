"""Pairs of answers to `call_as_xml`: a right one, and one with a usual fault."""

import re
from collections.abc import Iterable, Iterator
from itertools import cycle

from acclimate.core.domain import Item, Preference


def xml_preferences(items: Iterable[Item], task: str) -> Iterator[Preference]:
    """A pair for each item; the faults of the rejected answers take turns."""
    for item, spoil in zip(items, cycle(FAULTS), strict=False):
        yield Preference(
            prompt=item.question, chosen=item.target, rejected=spoil(item.target), task=task
        )


def _as_a_call(target: str) -> str:
    """The call in Python's form, not in XML."""
    name, *arguments = re.findall(r"<(?:name|arg)>(.*?)</", target)
    return f"{name}({', '.join(arguments)})"


def _left_open(target: str) -> str:
    return target.removesuffix("</call>")


def _talked_around(target: str) -> str:
    return f"Here is the call as XML: {target}"


def _argument_lost(target: str) -> str:
    return re.sub(r"<arg>[^<]*</arg></call>$", "</call>", target)


def _tags_renamed(target: str) -> str:
    return target.replace("<arg>", "<param>").replace("</arg>", "</param>")


FAULTS = (_as_a_call, _left_open, _talked_around, _argument_lost, _tags_renamed)
