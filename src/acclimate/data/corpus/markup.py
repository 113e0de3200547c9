"""The text of pages and Markdown: no tags, no menus, no marks."""

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token

_FRONT_MATTER = re.compile(r"\A---\n.*?\n(---|\.\.\.)\n", re.DOTALL)


def page_text(html: str) -> str:
    """The main text of an HTML page, without menus, headers and footers.

    The main part is found by resiliparse. In Li et al. 2024 ("DataComp-LM", section 4.1) models
    trained on its text are as good as those on trafilatura's. A page that has no main part gives
    all its text.
    """
    from resiliparse.extract.html2text import extract_plain_text

    main: str = extract_plain_text(html, main_content=True, alt_texts=False)
    return main if main.strip() else str(extract_plain_text(html, alt_texts=False))


def markdown_text(text: str) -> str:
    """Markdown (CommonMark) as plain text: words of links, code as it is, no marks of emphasis.

    Lists keep their bullets and numbers. Front matter, HTML and images are left out.
    """
    text = _FRONT_MATTER.sub("", text.replace("\r\n", "\n"))
    blocks: list[str] = []
    bullets: list[str] = []
    lead = ""
    for token in MarkdownIt("commonmark").parse(text):
        if token.type.endswith("_list_open"):
            bullets.append("- ")
        elif token.type.endswith("_list_close"):
            bullets.pop()
        elif token.type == "list_item_open":
            lead = f"{token.info}{token.markup} " if token.info else bullets[-1]
            lead = "  " * (len(bullets) - 1) + lead
        elif token.type in {"inline", "fence", "code_block"}:
            is_tight = bool(blocks) and bool(bullets) and bool(lead)
            blocks += ["\n" if is_tight else "\n\n", lead + _shown(token)]
            lead = ""
    return "".join(blocks[1:])


def _shown(token: Token) -> str:
    if token.type != "inline":
        return token.content.rstrip("\n")
    parts = (
        "\n" if child.type.endswith("break") else child.content
        for child in token.children or []
        if child.type in {"text", "code_inline", "softbreak", "hardbreak"}
    )
    return "".join(parts)
