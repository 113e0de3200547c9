"""Cut Markdown text at its headings."""

import re
from dataclasses import dataclass
from itertools import pairwise

from markdown_it import MarkdownIt

_MAY_HAVE_HEADINGS = re.compile(r"^ {0,3}(#{1,6}(\s|$)|=+\s*$|-+\s*$)", re.MULTILINE)
_FRONT_MATTER = re.compile(r"\A---\n.*?\n(---|\.\.\.)\n", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Section:
    """The text below one heading, up to the next."""

    headings: tuple[str, ...]
    """From the outermost heading in, without markup; empty before the first one."""
    text: str
    """Without the heading itself."""


def sections(text: str) -> list[Section]:
    """Cut Markdown (CommonMark headings of both kinds) into sections that are not blank.

    Plain text is one section. Marks inside code fences are no headings, headings inside lists and
    quotations do not cut, and YAML front matter is left out. A text of headings alone is
    one section that holds them.
    """
    text = _FRONT_MATTER.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    all_sections = _below_headings(text) if _MAY_HAVE_HEADINGS.search(text) else [Section((), text)]
    with_text = [section for section in all_sections if section.text.strip()]
    return with_text or ([Section((), text)] if text.strip() else [])


def _below_headings(text: str) -> list[Section]:
    # Only the block structure is wanted; parsing what stands inside every block takes most time.
    blocks = MarkdownIt("commonmark")
    blocks.core.ruler.enableOnly(["normalize", "block"])
    tokens = blocks.parse(text)
    lines = text.split("\n")
    complete: list[Section] = []
    path: dict[int, str] = {}
    begin = 0
    for token, inside in pairwise(tokens):
        if token.type != "heading_open" or token.level or token.map is None:
            continue
        first, end = token.map
        complete.append(Section(tuple(path.values()), "\n".join(lines[begin:first])))
        depth = int(token.tag[1:])
        path = {d: title for d, title in path.items() if d < depth}
        path[depth] = _without_markup(inside.content)
        begin = end
    return [*complete, Section(tuple(path.values()), "\n".join(lines[begin:]))]


def _without_markup(heading: str) -> str:
    tokens = MarkdownIt("commonmark").parseInline(heading)
    children = tokens[0].children or [] if tokens else []
    shown = (c.content or " " for c in children if c.content or c.type.endswith("break"))
    return " ".join("".join(shown).split())
