"""Learn from rewards which members to hear at which prompt, and how warm."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from acclimate.core.domain import Task, TrainData
from acclimate.core.errors import ConfigError, NotApplicableError
from acclimate.core.model import Model
from acclimate.core.runtime.fit_log import log_value
from acclimate.core.runtime.seeding import derive
from acclimate.ensembles.answer_level.weighted_vote import WeightedVoteModel
from acclimate.ensembles.compatibility import require_one_vocabulary
from acclimate.ensembles.controller.controlled_model import ControlledModel, Controller
from acclimate.ensembles.controller.interface import WeightedEnsemble
from acclimate.ensembles.controller.objectives import (
    TASK_SCORE,
    ControllerReward,
    checked_objectives,
    reward_of,
)
from acclimate.ensembles.controller.offline_log import AnswerLog, answer_log
from acclimate.ensembles.controller.online_rewards import OnlineRewards
from acclimate.ensembles.controller.policy import ActionSpace
from acclimate.ensembles.controller.sac import SACSettings, SoftActorCritic
from acclimate.ensembles.member_calls import require_common
from acclimate.ensembles.members import Member
from acclimate.ensembles.method import EnsembleMethod
from acclimate.ensembles.token_level.joint_by_prompt import JointByPrompt
from acclimate.retrieval.encoders.prompt_encoder import PromptEncoder


class Sac(EnsembleMethod):
    """Soft actor-critic (Haarnoja et al. 2018) as a controller of an ensemble.

    A prompt's vector is the state, the members' weights and a temperature the action, and what
    the user wants of the answer the reward. First it learns from a log: each member answers each
    item once, and the reward of any weights follows from that. Then, if asked to, it tries
    combinations anew. What it learns from are training items, or dev items where a member was
    tuned on those. Critics, target networks, the learned temperature of the entropy and the
    replay are Stable-Baselines3's; they are in
    `ensembles/controller/sac.py`.

    Differs: an episode has one step, and the state is given whole: nothing is bootstrapped.
    Differs: of ten evaluations on the way the controller is kept that did best on items held out.
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/1812.05905"

    members: tuple[Member, ...] = ("zero_shot", "few_shot")
    """Recipes. `[]` is the base as it is, and `{name: recorded, path: a.csv}` a table of answers,
    which must answer training or dev items too."""
    objectives: Mapping[str, float] = Field(default={TASK_SCORE: 1.0}, validate_default=False)
    """What is wanted, weighed: `score` (each task's own metric), any metric by name (`brevity`,
    `polite`, `xml_valid`), `rating` (preferences: 1 liked, 0 not, one half unknown), or the path
    of a .py file with a function `reward(item, answer)`. Two that conflict, at several weights,
    trace a front."""
    level: Literal["answers", "tokens"] = "answers"
    """`answers`: members vote over whole answers; `tokens`: networks of one vocabulary write
    together, by the weighted mean of their distributions."""
    temperatures: tuple[float, ...] = (0.0, 1.0)
    """At which members are heard, greedy and as they are by default; token by token all between
    can be chosen too. Recorded answers and choices have none."""
    encoder: str = Field(default="lsa", min_length=1)
    """Of prompts: `lsa` (fitted on the items), `minilm`, a folder or a name on the hub."""
    num_components: int = Field(default=32, ge=1)
    """Dimensions of an `lsa` that count; more tell items apart rather than topics."""
    num_updates: int = Field(default=400, ge=0)
    """Steps on the log. One group of items in five is held out, and the controller kept that did
    best on it, of ten on the way: more steps learn single items by heart."""
    num_asked: int = Field(default=0, ge=0)
    """Combinations tried anew after that, with a step each; `tokens` needs some, as its log has
    each member alone."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Adam's; three times the paper's, as runs are short."""

    @field_validator("objectives")
    @classmethod
    def _wanted(cls, objectives: Mapping[str, float]) -> Mapping[str, float]:
        checked_objectives(objectives)
        return objectives

    @field_validator("temperatures")
    @classmethod
    def _rising(cls, temperatures: tuple[float, ...]) -> tuple[float, ...]:
        if not temperatures or min(temperatures) < 0:
            raise ConfigError("must be at least one, from 0 on")
        return tuple(sorted(set(temperatures)))

    @property
    def depends_on_seed(self) -> bool:
        """Whatever the members."""
        return True

    @property
    def reads(self) -> tuple[str, ...]:
        """The user's own objectives."""
        return tuple(name for name in self.objectives if name.endswith(".py"))

    def combine(
        self, members: tuple[Model, ...], base: Model, data: TrainData, *, seed: int
    ) -> Model:
        """Log the members' answers, and learn.

        Raises:
            DataError: The members have no item in common.
            NotApplicableError: There is nothing to learn from, or no one vocabulary.
        """
        require_common(members, self.members)
        is_joint = self.level == "tokens"
        if is_joint:
            require_one_vocabulary(members, self.member_labels, "sac level=tokens")
        space = ActionSpace(len(members), self.temperatures, not is_joint)
        vote = WeightedVoteModel(members)
        ensemble: WeightedEnsemble = JointByPrompt(members) if is_joint else vote
        reward = reward_of(self.objectives, data.preferences)
        log = _log(vote, self._splits(data), space, reward, seed)
        _log_members(log, self.member_labels)
        seen, held = log.parted()
        prompt_encoder = PromptEncoder.fit(self.encoder, seen.prompts, self.num_components)
        learner = SoftActorCritic(
            prompt_encoder.of(seen.prompts),
            seen.draws(derive(seed, "draws"), is_mixed=not is_joint),
            OnlineRewards(ensemble, seen, reward, seed),
            SACSettings(self.num_updates, self.num_asked, self.learning_rate),
            derive(seed, "controller"),
        )
        actor = learner.learn(
            None if is_joint else partial(held.mean_reward, prompt_encoder.of(held.prompts))
        )
        return ControlledModel(ensemble, Controller(prompt_encoder, actor, space))

    def _splits(self, data: TrainData) -> Sequence[tuple[Task, ...]]:
        """What to learn from, the better first: what a member was tuned on flatters it."""
        return (data.dev, data.train) if self.changes_weights else (data.train, data.dev)


def _log(
    vote: WeightedVoteModel,
    splits: Sequence[tuple[Task, ...]],
    space: ActionSpace,
    reward: ControllerReward,
    seed: int,
) -> AnswerLog:
    for tasks in splits:
        log = answer_log(vote, tasks, space, reward, seed)
        if log.items:
            return log
    raise NotApplicableError(
        "sac learns from members' answers to training or dev items, and there are none; give "
        "items, or tables that answer them (output_vote with rule=majority needs none)"
    )


def _log_members(log: AnswerLog, labels: Sequence[str]) -> None:
    """What the controller is to do better than, on the items that it learns from."""
    log_value("items learned from", len(log.items))
    for label, alone in zip(labels, log.alone(), strict=True):
        log_value(f"{label}: mean reward alone", "answers none of them" if alone is None else alone)
    log_value("mean reward if the best answer were always chosen", log.best())
