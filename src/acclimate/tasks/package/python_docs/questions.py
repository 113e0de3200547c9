"""Three kinds of questions about the objects of a Python package."""

from collections.abc import Mapping, Sequence

import numpy as np

from acclimate.core.domain import Item
from acclimate.core.runtime.seeding import derive
from acclimate.data.python_packages.api_objects import PublicObject

MIN_SUMMARY_CHARS, MAX_SUMMARY_CHARS = 20, 160
"""A shorter sentence says nothing; a longer one crowds a small context window."""
_NUM_CHOICES = 4
_NEAREST = 12
"""Wrong choices are drawn from so many summaries nearest in length: length tells nothing."""


def is_telling(member: PublicObject) -> bool:
    """Whether the summary can be a choice: a sentence of fair length."""
    text = member.summary
    is_sentence = len(text.split()) >= 3 and text[-1] == "." and ">>>" not in text
    return is_sentence and MIN_SUMMARY_CHARS <= len(text) <= MAX_SUMMARY_CHARS


def what_does_it_do(
    member: PublicObject, group: str, neighbours: Sequence[PublicObject], seed: int
) -> Item | None:
    """Which of four summaries is the object's; None where three others cannot be had.

    Args:
        member: What is asked about.
        group: Of the item.
        neighbours: Objects of its group, whose summaries may be wrong choices; those of its own
            module are taken where they are enough.
        seed: Of the draw and of the order of the choices.
    """
    right = member.summary
    rng = np.random.default_rng(derive(seed, "choices", member.path))
    wrong = _wrong(member, neighbours, rng)
    if len(wrong) < _NUM_CHOICES - 1:
        return None
    choices = [right, *wrong]
    return Item(
        id=f"what_does_it_do/{member.path}",
        question=f"What does {member.path} do?",
        target=right,
        choices=tuple(choices[i] for i in rng.permutation(_NUM_CHOICES)),
        group=group,
        sources=(member.module,),
    )


def _wrong(
    member: PublicObject, neighbours: Sequence[PublicObject], rng: np.random.Generator
) -> list[str]:
    right = member.summary
    distinct = {n.summary.casefold(): n for n in reversed(neighbours)}
    distinct.pop(right.casefold(), None)
    near = [n for n in distinct.values() if n.module == member.module]
    if len(near) < _NUM_CHOICES - 1:
        near = list(distinct.values())
    near.sort(key=lambda n: (abs(len(n.summary) - len(right)), n.path))
    pool = [n.summary for n in near[:_NEAREST]]
    count = min(_NUM_CHOICES - 1, len(pool))
    return [pool[i] for i in rng.choice(len(pool), count, replace=False)] if pool else []


def where_is_it(member: PublicObject, group: str) -> Item | None:
    """Which module has a name that no other has; None for methods and built-ins."""
    if member.kind == "method" or not member.is_only_here or member.module == "builtins":
        return None
    return Item(
        id=f"where_is_it/{member.path}",
        question=f"Which module has {member.name}?",
        target=member.module,
        group=group,
        sources=(member.module,),
    )


def call_as_xml(member: PublicObject, group: str, seed: int) -> Item | None:
    """A call with one to three of the object's own parameters, to be written as XML."""
    rng = np.random.default_rng(derive(seed, "arguments", member.path))
    fewest, most = max(1, member.num_required), min(3, len(member.parameters))
    if fewest > most:
        return None
    names = member.parameters[: int(rng.integers(fewest, most + 1))]
    parts = "".join(f"<arg>{name}</arg>" for name in names)
    return Item(
        id=f"call_as_xml/{member.path}",
        question=f"Write this call as XML: {member.path}({', '.join(names)})",
        target=f"<call><name>{member.path}</name>{parts}</call>",
        group=group,
    )


def groups_of(modules: Mapping[str, int], root: str) -> dict[str, str]:
    """Module → the group it goes with.

    In the standard library (`root` empty) that is its top module. In a package it is the
    subpackage right below the root; one with over an eighth of all objects is taken apart
    further, so that there are groups enough to split.

    Args:
        modules: Module → number of objects.
        root: The package's name, or empty.
    """
    if not root:
        return {module: module.partition(".")[0] for module in modules}
    limit, depth = sum(modules.values()) / 8, 2
    groups = {module: _first(module, depth) for module in modules}
    while depth < max((m.count(".") + 1 for m in modules), default=0):
        depth += 1
        for group in sorted(set(groups.values())):
            members = [m for m in modules if groups[m] == group]
            if sum(modules[m] for m in members) > limit:
                groups |= {m: _first(m, depth) for m in members}
    return groups


def _first(module: str, depth: int) -> str:
    return ".".join(module.split(".")[:depth])
