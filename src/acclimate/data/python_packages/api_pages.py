"""One Markdown page a module from its docstrings."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from acclimate.core.domain import Document
from acclimate.data.python_packages.api_objects import PublicObject

MAX_OBJECT_CHARS = 1_500
"""Of one docstring; what an object does stands at its head."""
MAX_PAGE_CHARS = 60_000
"""Of one page: about twenty printed pages."""
_MAX_SIGNATURE_CHARS = 200


@dataclass(frozen=True, slots=True)
class Page:
    """A page and the objects that it tells of."""

    document: Document
    objects: tuple[PublicObject, ...]


def module_pages(objects: Iterable[PublicObject]) -> Iterator[Page]:
    """Pages in the order of the objects, which come module by module.

    A page has the module as its title, what the module says of itself, and a section an object.
    What would make it longer than `MAX_PAGE_CHARS` is left out, and out of `Page.objects`.
    """
    for module, members in groupby(objects, key=lambda o: o.module):
        parts, shown = [f"# {module}\n"], []
        length = len(parts[0])
        for member in members:
            section = f"{_cut(member.doc)}\n" if member.kind == "module" else _section(member)
            if length + len(section) <= MAX_PAGE_CHARS:
                parts.append(section)
                shown.append(member)
                length += len(section)
        yield Page(Document(id=module, title=module, text="\n".join(parts)), tuple(shown))


def _section(member: PublicObject) -> str:
    mark = "###" if member.kind == "method" else "##"
    long = len(member.signature) > _MAX_SIGNATURE_CHARS
    signature = "(...)" if long else member.signature
    return f"{mark} {member.path}{signature}\n\n{_cut(member.doc)}\n"


def _cut(doc: str) -> str:
    """At most `MAX_OBJECT_CHARS`, whole lines; no line may pass for a title of the page."""
    text = "\n".join(" " + line if line.startswith("#") else line for line in doc.splitlines())
    if len(text) <= MAX_OBJECT_CHARS:
        return text
    return text[:MAX_OBJECT_CHARS].rpartition("\n")[0] or text[:MAX_OBJECT_CHARS]
