"""An ensemble whose weights and temperature a controller sets at every prompt.

Letters: N prompts, K members.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self, cast

from acclimate.core.model import Completion, LogLikelihood, Model, Pair, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.types import Floats
from acclimate.ensembles.controller.interface import WeightedEnsemble
from acclimate.ensembles.controller.policy import ActionSpace, Actor
from acclimate.retrieval.encoders.prompt_encoder import PromptEncoder

_FILE = "actor.safetensors"


@dataclass(frozen=True)
class Controller:
    """Chooses the members' weights and a temperature for each prompt."""

    states: PromptEncoder
    actor: Actor
    space: ActionSpace

    def actions(self, prompts: Sequence[Prompt]) -> Floats:
        """The best action known for each prompt, (N, A); equal prompts are encoded once."""
        distinct = {prompt: index for index, prompt in enumerate(dict.fromkeys(prompts))}
        best_actions = self.actor(self.states.of(list(distinct)))
        return best_actions[[distinct[prompt] for prompt in prompts]]

    def write(self, folder: Path) -> dict[str, Any]:
        """Write arrays; return plain fields."""
        self.actor.write(folder / _FILE)
        return {
            **self.states.write(folder),
            "num_members": self.space.num_members,
            "temperatures": list(self.space.temperatures),
            "is_stepped": self.space.is_stepped,
        }

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any]) -> "Controller":
        """Rebuild what `write` saved."""
        temperatures = tuple(fields["temperatures"])
        space = ActionSpace(fields["num_members"], temperatures, fields["is_stepped"])
        return cls(PromptEncoder.read(folder, fields), Actor.read(folder / _FILE), space)


@dataclass(frozen=True, eq=False)
class ControlledModel(Model):
    """An ensemble that answers by the weights and temperatures its controller chooses."""

    kind: ClassVar[str] = "controlled"

    ensemble: WeightedEnsemble
    controller: Controller

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """Answer at the learned temperature in place of that of `sampling`."""
        if not prompts:
            return []
        actions, space = self.controller.actions(prompts), self.controller.space
        weights = space.weights(actions)
        return self.ensemble.generate_weighted(prompts, sampling, weights, space.heat(actions))

    def loglikelihood(self, pairs: Sequence[Pair]) -> list[LogLikelihood]:
        """Log-likelihoods by the weights of each prompt; temperatures play no part."""
        if not pairs:
            return []
        actions = self.controller.actions([prompt for prompt, _ in pairs])
        return self.ensemble.loglikelihood_weighted(pairs, self.controller.space.weights(actions))

    @property
    def capabilities(self) -> frozenset[str]:
        """Those of the ensemble."""
        return self._inner.capabilities

    @property
    def answerable_items(self) -> frozenset[str] | None:
        """Those of the ensemble."""
        return self._inner.answerable_items

    def recorded_seconds(self, prompts: Sequence[Prompt]) -> list[float] | None:
        """Those of the ensemble."""
        return self._inner.recorded_seconds(prompts)

    @property
    def children(self) -> Mapping[str, Model]:
        """The ensemble, which holds the members."""
        return {"speaker": self._inner}

    @property
    def _inner(self) -> Model:
        return cast("Model", self.ensemble)

    def write(self, folder: Path) -> dict[str, Any]:
        """Write the controller."""
        return self.controller.write(folder)

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any], children: Mapping[str, Model]) -> Self:
        """Rebuild around the ensemble."""
        return cls(cast("WeightedEnsemble", children["speaker"]), Controller.read(folder, fields))
