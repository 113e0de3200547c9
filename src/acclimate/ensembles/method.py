"""Base class of methods that combine the models of several recipes."""

from typing import Self

from pydantic import field_validator, model_validator

from acclimate.core.method import CompositeMethod, MemberSpec
from acclimate.ensembles.members import (
    Member,
    build_member_specs,
    labels_of,
    require_one_weight_each,
    require_two_members,
)


class EnsembleMethod(CompositeMethod):
    """Several recipes as one model; a method that weighs them has a field `weights` besides."""

    members: tuple[Member, ...] = ("zero_shot", "few_shot")
    """Recipes whose networks have one vocabulary; each reads its own prompt."""

    @field_validator("members")
    @classmethod
    def _two_at_least(cls, members: tuple[Member, ...]) -> tuple[Member, ...]:
        return require_two_members(members)

    @model_validator(mode="after")
    def _one_weight_each(self) -> Self:
        require_one_weight_each(self._given_weights, self.members)
        return self

    @property
    def member_specs(self) -> tuple[MemberSpec, ...]:
        """How each member is made."""
        return build_member_specs(self.members)

    @property
    def member_labels(self) -> list[str]:
        """A label for each member, for messages."""
        return labels_of(self.members)

    @property
    def member_weights(self) -> tuple[float, ...]:
        """One a member: as given, or all alike."""
        return self._given_weights or (1.0,) * len(self.members)

    @property
    def _given_weights(self) -> tuple[float, ...]:
        """The field `weights` where the method has one; each method documents its own."""
        weights: tuple[float, ...] = getattr(self, "weights", ())
        return weights
