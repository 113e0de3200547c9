"""Members of an ensemble: recipes in a field of its method, each made once."""

from collections.abc import Mapping, Sequence
from typing import Any

from acclimate.core.catalogue import METHODS, MODELS
from acclimate.core.errors import ConfigError
from acclimate.core.method import MemberSpec
from acclimate.core.model import Model

Spec = str | dict[str, Any]
Member = Spec | tuple[Spec, ...]
"""A method, or several one after another, or none: the base as it is. The first may be an entry of
the model catalogue instead: what the others begin from in place of the base."""


def build_member_specs(members: Sequence[Member]) -> tuple[MemberSpec, ...]:
    """How each member is made, in order.

    Raises:
        UnknownNameError, ConfigError, MissingExtraError: A method or model cannot be built.
    """
    return tuple(_spec_of(m if isinstance(m, tuple) else (m,)) for m in members)


def _spec_of(specs: tuple[Spec, ...]) -> MemberSpec:
    source = MODELS.build(specs[0]) if specs and _name(specs[0]) in MODELS.entries else None
    rest = specs[1:] if source else specs
    for name in map(_name, rest):
        if name in MODELS.entries and name not in METHODS.entries:
            raise ConfigError(f"{name} is a model, which methods begin from: name it first")
    return MemberSpec(tuple(METHODS.build(spec) for spec in rest), source)


def _name(spec: Spec) -> str:
    return spec if isinstance(spec, str) else str(spec.get("name"))


def labels_of(members: Sequence[Member]) -> list[str]:
    """A label for each member, numbered where two are of the same methods."""
    short = [_label(m if isinstance(m, tuple) else (m,)) for m in members]
    return [
        f"{label} ({short[:index].count(label) + 1})" if short.count(label) > 1 else label
        for index, label in enumerate(short)
    ]


def _label(specs: tuple[Spec, ...]) -> str:
    return " + ".join(map(_name, specs)) or "base"


def require_two_members(members: tuple[Member, ...]) -> tuple[Member, ...]:
    """The members, if there are two at least and each can be built.

    Raises:
        UnknownNameError, ConfigError, MissingExtraError: A method or model cannot be built.
    """
    if len(members) < 2:
        raise ConfigError(
            f"an ensemble needs at least 2 members, got {len(members)}; name two recipes, as "
            "[zero_shot, few_shot]"
        )
    build_member_specs(members)
    return members


def require_one_weight_each(weights: tuple[float, ...], members: tuple[Member, ...]) -> None:
    """Refuse weights that are not one a member, negative or all 0; none at all may be given.

    Raises:
        ConfigError: They are so.
    """
    if weights and len(weights) != len(members):
        raise ConfigError(f"{len(weights)} weights for {len(members)} members; give one each")
    if weights and (min(weights) < 0 or max(weights) == 0):
        raise ConfigError(
            f"weights={list(weights)}, must be at least 0 and one of them above; leave a member "
            "out by 0"
        )


def as_children(members: Sequence[Model]) -> Mapping[str, Model]:
    """Members as the children of the model that holds them, in order."""
    return {f"member_{index}": member for index, member in enumerate(members)}
