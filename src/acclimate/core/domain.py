"""The data of a domain: items, tasks, documents, and what a method may train on."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, field_validator

from acclimate.core.errors import ConfigError
from acclimate.core.prompt import TEMPLATE, Prompt, Turn, current_template
from acclimate.core.record import Record


class Item(Record):
    """One question with its right answer."""

    id: str
    """Unique in its domain."""
    question: str
    """What is asked."""
    target: str
    """The right answer; where there are choices, one of them."""
    choices: tuple[str, ...] = ()
    """The answers to choose from; none for a free answer."""
    group: str = ""
    """Items of one group vary together and never stand in two splits; empty: its own group."""
    sources: tuple[str, ...] = ()
    """Ids of the documents that hold the answer; scored by recall@k where given."""
    rationale: str = ""
    """Worked reasoning that leads to the target, shown by chain-of-thought examples."""
    turns: tuple[Turn, ...] = ()
    """The dialogue before the target, for models that chat; empty: a plain question."""
    place: str = Field(default="", exclude=True)
    """Where it was read, as said in messages; no part of what the item is, nor of its digest."""

    @property
    def cluster(self) -> str:
        """The group, or the item's own id where it has none."""
        return self.group or self.id


class Task(Record):
    """Items of one kind, how they are asked and how answers are scored."""

    name: str
    """Unique in its domain."""
    metrics: tuple[str, ...]
    """Names in the metric catalogue; the first is the one that counts."""
    instruction: str = ""
    """Said once before the question, or as a chat model's system message."""
    template: str = TEMPLATE
    """Jinja template of the whole prompt (see `acclimate.core.prompt`)."""
    max_new_tokens: int = 32
    """The longest free answer."""
    stop: tuple[str, ...] = ("\n",)
    """A free answer ends before any of these."""
    items: tuple[Item, ...] = ()
    """The items of one split."""

    @field_validator("template")
    @classmethod
    def _current(cls, template: str) -> str:
        return current_template(template)

    def prompt(self, item: Item) -> Prompt:
        """The item as a question to a model."""
        return Prompt(
            question=item.question,
            task=self.name,
            item_id=item.id,
            instruction=self.instruction,
            choices=item.choices,
            template=self.template,
            turns=item.turns,
        )


class Document(Record):
    """A text that a method may read."""

    id: str
    """Unique in its domain; what an answer cites."""
    title: str = ""
    """Shown with each passage."""
    text: str
    """Markdown or plain text."""


class Preference(Record):
    """Two answers to one prompt, one liked better."""

    prompt: str
    """What was asked."""
    chosen: str
    """The better answer."""
    rejected: str
    """The worse answer."""
    task: str = ""
    """Name of the task that it was asked as, which lays it out; empty: the prompt as it stands."""


class TrainData(Record):
    """All that `Method.fit` may see: there are no test items in it."""

    train: tuple[Task, ...] = ()
    """Tasks with their training items."""
    dev: tuple[Task, ...] = ()
    """The same tasks with items to choose and stop by."""
    documents: tuple[Document, ...] = ()
    """What retrieval reads."""
    preferences: tuple[Preference, ...] = ()
    """Pairs of answers."""

    def pairs(self, split: Literal["train", "dev"]) -> Iterator[tuple[Prompt, Item]]:
        """Every item of the split as its prompt and itself."""
        for task in self.train if split == "train" else self.dev:
            for item in task.items:
                yield task.prompt(item), item

    def preferred(self) -> Iterator[tuple[Prompt, Preference]]:
        """Every preference with its prompt, laid out as its task's are."""
        tasks = {task.name: task for task in self.train}
        for number, liked in enumerate(self.preferences):
            prompt = Prompt(
                question=liked.prompt,
                task=liked.task,
                item_id=f"preference {number + 1}",
                template="{{ question }}",
            )
            task = tasks.get(liked.task)
            if task is not None:
                prompt = prompt.with_parts(instruction=task.instruction, template=task.template)
            yield prompt, liked


class Control(Record):
    """General ability that adapting may cost: text for bits per byte, items for accuracy."""

    texts: tuple[str, ...] = ()
    """Running text, disjoint from the domain."""
    task: Task | None = None
    """Choice items, disjoint from the domain."""


class Domain(Record):
    """What a model is adapted to and measured on."""

    name: str
    """As it stands in the report."""
    train: tuple[Task, ...] = ()
    """Tasks with their training items."""
    dev: tuple[Task, ...] = ()
    """Tasks with the items that choose between recipes."""
    test: tuple[Task, ...]
    """Tasks with the locked items."""
    documents: tuple[Document, ...] = ()
    """What a method may read."""
    preferences: tuple[Preference, ...] = ()
    """Pairs of answers."""
    control: Control = Control()
    """What may be forgotten."""

    def train_data(self) -> TrainData:
        """Everything but the test."""
        return TrainData(
            train=self.train,
            dev=self.dev,
            documents=self.documents,
            preferences=self.preferences,
        )

    def task(self, name: str) -> Task:
        """The test task of that name."""
        for task in self.test:
            if task.name == name:
                return task
        raise ConfigError(f"{self.name} has no task '{name}'; it has {[t.name for t in self.test]}")
