"""Walks a package for its documented objects; run in a fresh interpreter.

Only the standard library may be imported here, so that the interpreter needs no other package.
"""

import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

from acclimate.data.python_packages.api_objects import STDLIB, ObjectKind, PublicObject
from acclimate.data.python_packages.modules import public_modules


def main(package: str, out: str) -> None:
    """Write one JSON object a line for each documented object of the package."""
    lines = [json.dumps(asdict(member)) + "\n" for member in walk(package)]
    Path(out).write_text("".join(lines), encoding="utf-8")


def walk(package: str) -> Iterator[PublicObject]:
    """Every documented object once, in order of module and name; see `public_objects`.

    An object that several modules export is told under one of them: in the standard library the
    shortest name, elsewhere the module that defines it. One whose docstring repeats that of an
    object with the same name (`os.path` and its variants) is told once.

    Args:
        package: Import name of an installed package, or `stdlib`.

    Raises:
        ConfigError: There is no such package.
    """
    root = "" if package == STDLIB else package
    modules = dict(public_modules(None if package == STDLIB else package))
    exports = {name: _exports(module) for name, module in modules.items()}
    homes, holders = _homes(exports, root)
    seen: set[tuple[str, str]] = set()
    for module in sorted(exports):
        yield _module(module, modules[module])
        for name, value in sorted(exports[module].items()):
            if homes[id(value)] != module:
                continue
            is_only_here = len(holders[name]) == 1
            for member in _with_methods(module, name, value, is_only_here):
                mark = (member.name.rpartition(".")[2], member.doc)
                if mark not in seen:
                    seen.add(mark)
                    yield member


def first_sentence(doc: str) -> str:
    """The first sentence of a docstring on one line, past a leading line of signature."""
    paragraphs = re.split(r"\n\s*\n", doc.strip())
    for paragraph in paragraphs[:2]:
        text = re.sub(r"^[\w.]+\([^\n]*\)[ \t]*(->[^\n]*)?(\n|$)", "", paragraph.strip())
        text = re.sub(r"^[\w.]+\([^)]*\)\s*(->\s*[^\n:.]*)?\s*(--|:)?\s*", "", text)
        text = " ".join(text.split())
        if text:
            end = re.search(r"(?<!e\.g)(?<!i\.e)(?<! vs)[.!?](?= [A-Z(`'\"]|$)", text)
            return text[: end.end()] if end else text
    return ""


def _exports(module: ModuleType) -> dict[str, Any]:
    """Public functions and classes: those of `__all__`, else those defined in the module."""
    listed = getattr(module, "__all__", None)
    if isinstance(listed, list | tuple):
        names = [n for n in listed if isinstance(n, str)]
    else:
        module_name = module.__name__
        names = [
            n for n, v in vars(module).items() if getattr(v, "__module__", None) == module_name
        ]
    values = {n: vars(module)[n] for n in names if n in vars(module) and not n.startswith("_")}
    return {n: v for n, v in values.items() if inspect.isclass(v) or inspect.isroutine(v)}


def _homes(
    exports: dict[str, dict[str, Any]], root: str
) -> tuple[dict[int, str], dict[str, set[str]]]:
    """The module each object is told under, and the modules that have each name."""
    homes: dict[int, str] = {}
    holders: dict[str, set[str]] = {}
    for module, values in exports.items():
        for name, value in values.items():
            holders.setdefault(name, set()).add(module)
            best = min(module, homes.get(id(value), module), key=lambda m: _far(m, value, root))
            homes[id(value)] = best
    return homes, holders


def _far(module: str, value: Any, root: str) -> tuple[bool, int, bool, int, str]:
    is_foreign = getattr(value, "__module__", None) != module
    depth = module.count(".")
    if root:
        return module == root, int(is_foreign), False, depth, module
    return False, depth, is_foreign, 0, module


def _module(name: str, module: ModuleType) -> PublicObject:
    doc = _text(module) or ""
    return PublicObject(name, "", "module", doc, first_sentence(doc))


def _text(value: Any) -> str | None:
    """The docstring in Unicode that can be written; None where there is none."""
    doc = getattr(value, "__doc__", None)
    if not isinstance(doc, str) or not doc.strip():
        return None
    return inspect.cleandoc(doc).encode("utf-8", "replace").decode()


def _with_methods(module: str, name: str, value: Any, is_only_here: bool) -> Iterator[PublicObject]:
    kind: ObjectKind = "class" if inspect.isclass(value) else "function"
    yield from _documented(module, name, value, kind, is_only_here)
    if kind == "class":
        for method, inner in sorted(vars(value).items()):
            if not method.startswith("_") and _is_callable(inner):
                bound = inner.__func__ if isinstance(inner, staticmethod | classmethod) else inner
                path = f"{name}.{method}"
                yield from _documented(module, path, bound, "method", is_only_here)


def _is_callable(value: object) -> bool:
    return inspect.isroutine(value) or isinstance(value, staticmethod | classmethod)


def _documented(
    module: str, name: str, value: Any, kind: ObjectKind, is_only_here: bool
) -> Iterator[PublicObject]:
    text = _text(value)
    if text is not None:
        signature = _signature(value)
        passed = _passed(signature, kind) if signature else []
        yield PublicObject(
            module=module,
            name=name,
            kind=kind,
            doc=text,
            summary=first_sentence(text),
            signature=_shown(signature) if signature else "",
            parameters=tuple(p.name for p in passed),
            num_required=sum(p.default is p.empty for p in passed),
            is_only_here=is_only_here,
        )


def _signature(value: Any) -> inspect.Signature | None:
    try:
        return inspect.signature(value)
    except (ValueError, TypeError, NameError, AttributeError):
        return None


def _shown(signature: inspect.Signature) -> str:
    """As text without annotations, and without defaults that hold addresses or paths."""
    plain = [
        p.replace(annotation=p.empty, default=p.default if _is_plain(p.default) else ...)
        for p in signature.parameters.values()
    ]
    text = str(signature.replace(parameters=plain, return_annotation=signature.empty))
    return text.replace("=Ellipsis", "=...")


def _is_plain(value: object) -> bool:
    if isinstance(value, str):
        return len(value) < 30 and "/" not in value
    return value is inspect.Parameter.empty or value is None or type(value) in {bool, int, float}


def _passed(signature: inspect.Signature, kind: ObjectKind) -> list[inspect.Parameter]:
    """What a call may pass by name or place, required ones first."""
    passed = [
        p
        for p in signature.parameters.values()
        if p.kind not in {p.VAR_POSITIONAL, p.VAR_KEYWORD} and not p.name.startswith("_")
    ]
    if kind == "method" and passed and passed[0].name in {"self", "cls", "klass", "metacls"}:
        passed = passed[1:]
    return sorted(passed, key=lambda p: p.default is not p.empty)
