"""Base of models that combine their members' whole answers or choices."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from acclimate.core.choice_probabilities import Question, by_question
from acclimate.core.model import LogLikelihood, Model, Pair
from acclimate.core.prompt import Prompt
from acclimate.ensembles.member_calls import mean_loglikelihood, seconds_of
from acclimate.ensembles.members import as_children


@dataclass(frozen=True, eq=False)
class EnsembleModel(Model):
    """A Model that asks its members and combines their answers."""

    members: tuple[Model, ...]

    @abstractmethod
    def choose(self, questions: Sequence[Question]) -> list[list[LogLikelihood]]:
        """Log-likelihoods of each question's choices; the greatest a byte is what is chosen."""

    @property
    def mixture(self) -> Sequence[float]:
        """Weights of the members for a continuation that is no choice among several."""
        return (1.0,) * len(self.members)

    def loglikelihood(self, pairs: Sequence[Pair]) -> list[LogLikelihood]:
        """Log-likelihoods of continuations; several of one prompt are choices, as in `choose`.

        A prompt's only continuation, as running text is, gets the weighted mean of the members'
        probabilities.

        Raises:
            BackendError: A prompt that every member fails at.
        """
        return by_question(
            pairs,
            lambda questions: mean_loglikelihood(self.members, self.mixture, questions),
            self.choose,
        )

    @property
    def capabilities(self) -> frozenset[str]:
        """`logprobs`, if a member gives them; no weights, as those are the members'."""
        offered = (need for member in self.members for need in member.capabilities)
        return frozenset({"logprobs"}).intersection(offered)

    @property
    def answerable_items(self) -> frozenset[str] | None:
        """Items that some member can answer; None where one member answers any question."""
        known = [member.answerable_items for member in self.members]
        tables = [items for items in known if items is not None]
        return frozenset().union(*tables) if len(tables) == len(known) else None

    def recorded_seconds(self, prompts: Sequence[Prompt]) -> list[float] | None:
        """The members' seconds in sum, as they are asked one after another."""
        return seconds_of(self.members, prompts)

    @property
    def children(self) -> Mapping[str, Model]:
        """The members."""
        return as_children(self.members)
