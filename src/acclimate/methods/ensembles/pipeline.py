"""Pass a question through stages, each of which reads what those before it wrote."""

from typing import ClassVar

from pydantic import Field, field_validator

from acclimate.core.domain import TrainData
from acclimate.core.errors import ConfigError, UnknownNameError
from acclimate.core.method import CompositeMethod, MemberSpec
from acclimate.core.model import Model
from acclimate.core.record import Record
from acclimate.data.prompt_template import named_in
from acclimate.ensembles.answer_level.pipeline_model import PipelineModel, Slot
from acclimate.ensembles.members import Member, build_member_specs

_ALWAYS = ("question", "instruction", "choices")
"""What a stage's template may name besides the stages before it."""


class Stage(Record):
    """A member with what it is asked."""

    name: str = Field(default="stage", pattern=r"^[A-Za-z_]\w*$")
    """Of the stage, and of its answer in the templates of those after it."""
    member: Member = ()
    """A recipe; `[]` is the base as it is."""
    template: str = "{{ question }}"
    """Jinja of what is asked, with `question`, `instruction`, `choices` and the stages before."""
    max_new_tokens: int = Field(default=64, ge=1)
    """The longest answer, as two or three sentences; the last stage's is as the task says."""
    stop: tuple[str, ...] = ("\n\n",)
    """The answer ends before any of these, by default where a paragraph does; the last stage's
    ends as the task says."""
    min_overlap: float = Field(default=0.0, ge=0, le=1)
    """Least share of the answer's words that stand in what was asked: below it the answer is
    inconsistent, and not used. 0: no check, as a translation shares no word."""


class Pipeline(CompositeMethod):
    """Prompts chained by named slots: summarise, translate, classify (Wu et al. 2022, AI Chains).

    What a stage before the last writes is used as far as it goes where it is cut for length.
    Where it is empty, fails or is inconsistent, the stage after reads what this one would have:
    the answer of the stage before, or the question. The share of each fault and the time are
    told by stage. Fitting another method on a pipeline tunes its last stage.
    """

    paper: ClassVar[str] = "https://arxiv.org/abs/2110.01691"

    stages: tuple[Stage, ...] = (
        Stage(name="summary", template="Say in a few words what is asked: {{ question }}"),
        Stage(name="answer", template="{{ question }} ({{ summary }})"),
    )
    """First asked first; the last answers. By default the base sums the question up for itself."""

    @field_validator("stages")
    @classmethod
    def _in_order(cls, stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
        if len(stages) < 2:
            raise ConfigError(f"a pipeline needs at least 2 stages, got {len(stages)}")
        known = list(_ALWAYS)
        for stage in stages:
            for name in sorted(named_in(stage.template) - set(known)):
                raise UnknownNameError(f"slot before stage '{stage.name}'", name, known)
            if stage.name in known:
                raise ConfigError(f"'{stage.name}' names a slot twice; call the stage otherwise")
            known.append(stage.name)
        build_member_specs([stage.member for stage in stages])
        return stages

    @property
    def member_specs(self) -> tuple[MemberSpec, ...]:
        """One a stage."""
        return build_member_specs([stage.member for stage in self.stages])

    def combine(
        self, members: tuple[Model, ...], base: Model, data: TrainData, *, seed: int
    ) -> Model:
        """Chain the stages; each member was fitted by itself, on the questions as they are."""
        *before, last = members
        slots = [Slot(**stage.model_dump(exclude={"member"})) for stage in self.stages]
        return PipelineModel(last, tuple(before), tuple(slots))
