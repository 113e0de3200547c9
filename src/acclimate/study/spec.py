"""What a study is told: domain, base, recipes, seeds, limits; read from YAML."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, FiniteFloat, ValidationError, field_validator, model_validator

from acclimate.core.catalogue import METHODS, MODELS, TASKS
from acclimate.core.errors import ConfigError, UnknownNameError
from acclimate.core.method import Chain, Method
from acclimate.core.record import Record
from acclimate.core.source import ModelSource, TaskSource
from acclimate.core.validation_messages import sentence
from acclimate.data.yaml_file import read_mapping
from acclimate.planning.lifetime_cost import Prices
from acclimate.study.limits import limit_named

EntrySpec = str | dict[str, Any]
"""A catalogue entry: its name, or its name and fields."""

BASE = "base"
"""Label of the model as it came."""


class StudySpec(Record):
    """A study as it stands in a file."""

    title: str = ""
    """Heading of the report; empty: the domain's name."""
    domain: EntrySpec
    """A folder, or an entry of the task catalogue with its fields."""
    base: EntrySpec = "embedded"
    """A folder or hub name of a model, or an entry of the model catalogue with its fields."""
    recipes: tuple[EntrySpec | list[EntrySpec], ...] = (
        "few_shot",
        "hybrid_rag",
        "lora",
        ["lora", "hybrid_rag"],
        ["hybrid_rag", "lora"],
    )
    """Methods, or lists of methods one after another; `all` is every method there is."""
    recorded: dict[str, str | dict[str, Any]] = {}
    """Label → table of answers made elsewhere, or fields of the model `recorded`."""
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**32)], ...] = (0, 1, 2)
    """One run each for everything that draws at random; three show the spread."""
    months: float = Field(default=12.0, gt=0, allow_inf_nan=False)
    """Horizon of the total cost."""
    requests_per_month: float = Field(default=10_000.0, ge=0, allow_inf_nan=False)
    """Load over the horizon."""
    prices: Prices = Prices()
    """What things cost."""
    limits: dict[str, FiniteFloat] = {}
    """Bounds that the pick must keep, as max_latency_seconds."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """Of intervals; 1 minus it is the level of the tests."""

    @field_validator("recipes", mode="before")
    @classmethod
    def _all(cls, value: Any) -> Any:
        return tuple(METHODS.entries) if value == "all" else value

    @field_validator("seeds")
    @classmethod
    def _each_once(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if not seeds:
            raise ValueError("must have at least one, as [0]")
        if len(set(seeds)) < len(seeds):
            raise ValueError("must all be different: the same seed gives the same model")
        return seeds

    @field_validator("limits")
    @classmethod
    def _known(cls, limits: dict[str, float]) -> dict[str, float]:
        for name, bound in limits.items():
            try:
                limit_named(name).require(bound)
            except (UnknownNameError, ConfigError) as error:
                raise ValueError(str(error)) from None
        return limits

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.recipes and not self.recorded:
            raise ValueError(
                "recipes is empty and nothing is recorded; name at least one method, as few_shot"
            )
        return self

    def domain_source(self) -> TaskSource:
        """Where the domain comes from."""
        if isinstance(self.domain, str) and self.domain not in TASKS.entries:
            return TASKS.build({"name": "folder", "path": self.domain})
        return TASKS.build(self.domain)

    def base_source(self) -> ModelSource:
        """Where the base comes from."""
        if isinstance(self.base, str) and self.base not in MODELS.entries:
            if not Path(self.base).exists() and get_close_matches(self.base, MODELS.entries):
                raise UnknownNameError("model", self.base, MODELS.entries)
            return MODELS.build({"name": "huggingface", "path": self.base})
        return MODELS.build(self.base)

    def recorded_sources(self) -> dict[str, ModelSource]:
        """Where recorded answers come from, by label."""
        tables = {k: {"path": v} if isinstance(v, str) else v for k, v in self.recorded.items()}
        return {k: MODELS.build({"name": "recorded", **fields}) for k, fields in tables.items()}


class Recipe(Record):
    """A named chain of methods, as written; empty for the base."""

    label: str
    """Unique in its study."""
    specs: tuple[EntrySpec, ...] = ()
    """In order."""

    def methods(self) -> tuple[Method, ...]:
        """Build the methods, in order; none for the base.

        Raises:
            UnknownNameError, ConfigError, MissingExtraError: A method cannot be built.
        """
        return tuple(METHODS.build(spec) for spec in self.specs)

    def chain(self) -> Chain:
        """The methods as one.

        Raises:
            UnknownNameError, ConfigError, MissingExtraError: A method cannot be built.
        """
        return Chain(methods=self.methods())


def read_spec(path: Path, **changed: Any) -> StudySpec:
    """Read a study file; what is given in `changed` (not None) goes before what it says.

    Raises:
        DataError: The file is missing or not YAML.
        ConfigError: It has a field that is unknown or out of range.
    """
    fields = read_mapping(path, "domain: my-domain/")
    return make_spec({**fields, **{k: v for k, v in changed.items() if v is not None}}, str(path))


def make_spec(fields: Mapping[str, Any], owner: str) -> StudySpec:
    """Validate the fields of a study, telling `owner` in a complaint."""
    try:
        return StudySpec.model_validate(fields)
    except ValidationError as error:
        raise ConfigError(sentence(owner, error, StudySpec)) from None


def recipes_of(spec: StudySpec) -> list[Recipe]:
    """The base and every recipe, each once, with labels that tell them apart.

    Raises:
        UnknownNameError, ConfigError: A method is unknown or has a wrong field.
    """
    recipes = [Recipe(label=BASE)]
    for entry in spec.recipes:
        specs = tuple(entry) if isinstance(entry, list) else (entry,)
        if not specs:
            raise ConfigError("recipes: an empty list; name at least one method")
        label = " + ".join(_short(s) for s in specs)
        alike = next((r for r in recipes if r.label == label), None)
        if alike is not None:
            pairs = zip(specs, alike.specs, strict=False)
            label = " + ".join(_long(*pair, _brief) for pair in pairs)
        if any(r.label == label for r in recipes):
            label = " + ".join(_long(spec, "") for spec in specs)
        if any(r.label == label for r in recipes):
            raise ConfigError(f"recipes: '{label}' stands there twice")
        recipes.append(Recipe(label=label, specs=specs))
    return recipes


def _short(spec: EntrySpec) -> str:
    return Path(str(spec if isinstance(spec, str) else spec.get("name", "?"))).stem


def _long(spec: EntrySpec, other: EntrySpec, text_of: Callable[[Any], str] = str) -> str:
    """The name with the fields in which it differs from another of the name."""
    mine, known = ({} if isinstance(one, str) else one for one in (spec, other))
    changed = {k: v for k, v in mine.items() if k != "name" and known.get(k) != v}
    fields = ", ".join(f"{k}={text_of(v)}" for k, v in changed.items())
    return f"{_short(spec)}({fields})" if fields else _short(spec)


def _brief(value: Any) -> str:
    """A field's value; of members of an ensemble only the names."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_brief, value))}]"
    return _short(value) if isinstance(value, dict) and "name" in value else str(value)
