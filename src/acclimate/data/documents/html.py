"""HTML as Markdown-like text: headings marked, blocks apart, no scripts."""

import re
from html.parser import HTMLParser

_DROPPED = frozenset({"script", "style", "template", "noscript", "svg", "nav"})
_BLOCKS = frozenset(
    {"p", "div", "section", "article", "ul", "ol", "li", "table", "tr", "pre", "blockquote", "br"}
    | {"dl", "dt", "dd", "main", "header", "footer", "figure", "h1", "h2", "h3", "h4", "h5", "h6"}
)


def html_text(html: str) -> tuple[str, str]:
    """The page's title (may be empty) and its text; malformed HTML is read as far as it goes."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    text = re.sub(r"[ \t]+", " ", "".join(reader.parts))
    text = re.sub(r" ?\n ?", "\n", text)
    return " ".join("".join(reader.title).split()), re.sub(r"\n{3,}", "\n\n", text).strip()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.title: list[str] = []
        self._dropped = 0
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _DROPPED:
            self._dropped += 1
        self._in_title = tag == "title"
        if tag in _BLOCKS:
            self.parts.append("\n" if tag in {"li", "br", "tr"} else "\n\n")
        if len(tag) == 2 and tag[0] == "h" and tag[1] in "123456":
            self.parts.append("#" * int(tag[1]) + " ")
        elif tag == "li":
            self.parts.append("- ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _DROPPED:
            self._dropped = max(0, self._dropped - 1)
        self._in_title = False
        if tag in _BLOCKS:
            self.parts.append("\n")
        elif tag in {"td", "th"}:
            self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)
        elif not self._dropped:
            self.parts.append(data)
