"""XML written by a model: untrusted, parsed without entities or DTDs."""

from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

_MAX_CHARS = 100_000
"""A longer answer is not parsed; no answer that is asked for comes near."""

XmlNode = tuple[int, str, tuple[tuple[str, str], ...], str, str]
"""Depth, tag, attributes, text inside and text behind an element."""


def parse_xml(text: str) -> Element | None:
    """The root element of an answer that is one XML document; None where it is not.

    Entities, document types and external references make it invalid: nothing is expanded.
    """
    if len(text) > _MAX_CHARS:
        return None
    try:
        root: Element = fromstring(text.strip(), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError):
        return None
    return root


def same_xml(one: Element, other: Element) -> bool:
    """Equal tags, attributes and texts in the same order; spaces around a text do not count."""
    return _nodes(one) == _nodes(other)


def _nodes(root: Element) -> list[XmlNode]:
    """The tree as a list, without recursion: an answer may nest deeper than Python's stack."""
    nodes: list[XmlNode] = []
    left = [(0, root)]
    while left:
        depth, element = left.pop()
        attributes = tuple(sorted(element.attrib.items()))
        inside, behind = (element.text or "").strip(), (element.tail or "").strip()
        nodes.append((depth, element.tag, attributes, inside, behind))
        left.extend((depth + 1, child) for child in reversed(element))
    return nodes
