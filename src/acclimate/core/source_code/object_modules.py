"""Which modules the classes inside an object come from, its layers too."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from functools import cache, partial
from types import BuiltinFunctionType, CellType, FunctionType, MethodType
from typing import Any

from acclimate.core.source_code.import_closure import is_followed

_PLAIN = (str, bytes, int, float, complex, bool, type(None))
_CONTAINERS = (list, tuple, set, frozenset, dict)


def modules_of(value: object) -> set[str]:
    """Modules of this package, plugins and users that define a class or function in an object.

    Looked into are objects of such classes, torch's layers, and plain containers; whatever else a
    library made is not.
    """
    modules: set[str] = set()
    met: dict[int, Any] = {}  # held, so that no other object gets an id that was met
    waiting: list[Any] = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, _PLAIN) or id(one) in met:
            continue
        met[id(one)] = one
        modules |= {name for name in _modules(one) if _counts(name)}
        waiting += _inside(one)
    return modules


def _modules(value: object) -> Iterable[str]:
    """Of its class and all that it extends; of a function or class itself."""
    if isinstance(value, MethodType):
        return (str(value.__func__.__module__),)
    if isinstance(value, FunctionType | BuiltinFunctionType):
        return (str(value.__module__),)
    kind = value if isinstance(value, type) else type(value)
    return (str(base.__module__) for base in kind.__mro__)


def _inside(value: Any) -> Iterator[Any]:
    if isinstance(value, _CONTAINERS):
        yield from value.values() if isinstance(value, dict) else value
    elif isinstance(value, partial):
        yield from (value.func, value.args, value.keywords)
    elif isinstance(value, MethodType):
        yield value.__self__
    elif isinstance(value, FunctionType):
        yield from (cell.cell_contents for cell in value.__closure__ or () if _is_filled(cell))
    elif _is_looked_into(value):
        for name in _parts(value):
            yield getattr(value, name, None)


def _parts(value: Any) -> list[str]:
    """Attributes that make it what it is: of a dataclass not what it worked out meanwhile."""
    if is_dataclass(value):
        return [field.name for field in fields(value)]
    slots = [kind.__dict__.get("__slots__", ()) for kind in type(value).__mro__]
    named = [name for some in slots for name in ((some,) if isinstance(some, str) else some)]
    return [*getattr(value, "__dict__", {}), *named]


def _is_filled(cell: CellType) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def _is_looked_into(value: object) -> bool:
    if isinstance(value, type):
        return False
    return _is_layer(value) or any(_counts(str(kind.__module__)) for kind in type(value).__mro__)


def _is_layer(value: object) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module)


@cache
def _counts(name: str) -> bool:
    return is_followed(name)
