"""Questions about an installed Python package, made from its own docstrings."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import accumulate

from pydantic import Field

from acclimate.core.domain import Control, Domain, Item, Task
from acclimate.core.errors import ConfigError
from acclimate.core.source import TaskSource
from acclimate.data.python_packages.api_objects import STDLIB, PublicObject, public_objects
from acclimate.data.python_packages.api_pages import module_pages
from acclimate.data.python_packages.descriptions import distribution_prose
from acclimate.tasks.continuations import continuation_items
from acclimate.tasks.package.python_docs.preferences import xml_preferences
from acclimate.tasks.package.python_docs.questions import (
    call_as_xml,
    groups_of,
    is_telling,
    what_does_it_do,
    where_is_it,
)
from acclimate.tasks.splits import cut_groups, interleaved

SHARES = {"test": 0.18, "dev": 0.10, "train": 0.72}
"""Of the items: 1,600 a task give 288 test, 160 dev and 1,152 train items."""
_TASKS = (
    Task(name="what_does_it_do", metrics=("choice_accuracy", "choice_logprob")),
    Task(
        name="where_is_it",
        metrics=("exact_match",),
        instruction="Answer with the name of a Python module.",
        max_new_tokens=24,
    ),
    Task(
        name="call_as_xml",
        # Valid first: this task is about behaviour, and copying a name is not behaviour.
        metrics=("xml_valid", "xml_correct"),
        instruction="Form: <call><name>f</name><arg>x</arg><arg>y</arg></call>",
        max_new_tokens=64,
    ),
)
CONTROL = Task(
    name="continuation", metrics=("choice_accuracy", "choice_logprob"), template="{{ question }}"
)
CONTROL_ITEMS = 100
CONTROL_BYTES = 28_000


class PythonDocs(TaskSource):
    """What objects do, where they are, and calls written as XML.

    The documents are one page a module. Modules are split, never their items: all of a top
    module stands in train, dev or test. The control set is general English from descriptions
    and licences of other installed distributions: running text, and choice items that ask which
    sentence follows one. Preferences are over calls of the training items, right and faulty.
    Everything is made from what this Python has installed, so that another version gives another
    domain.
    """

    package: str = STDLIB
    """Import name of an installed package, or `stdlib` for the running Python's library."""
    num_items: int = Field(default=1600, ge=30)
    """At most so many items a task, over all splits; 288 of 1,600 are test items, enough to see
    a difference of 8 points."""
    seed: int = 0
    """Of the split and of every draw."""

    @property
    def packages(self) -> tuple[str, ...]:
        """The package, unless it is the standard library, which nobody installed."""
        return () if self.package == STDLIB else (self.package,)

    def load(self) -> Domain:
        """Import the package, write its pages, ask about them.

        Raises:
            ConfigError: There is no such package, or it has too few documented modules.
        """
        pages = [p for p in module_pages(public_objects(self.package)) if len(p.objects) > 1]
        objects = [o for page in pages for o in page.objects if o.kind != "module"]
        items = self._items(objects)
        splits = self._splits(items)
        train = self._tasks(items, splits, "train")
        calls = next(task for task in train if task.name == "call_as_xml")
        return Domain(
            name=f"python_docs {self.package}",
            train=train,
            dev=self._tasks(items, splits, "dev"),
            test=self._tasks(items, splits, "test"),
            documents=tuple(page.document for page in pages),
            preferences=tuple(xml_preferences(calls.items, calls.name)),
            control=self._control(),
        )

    def _items(self, objects: list[PublicObject]) -> dict[str, list[Item]]:
        root = "" if self.package == STDLIB else self.package
        group = groups_of(Counter(o.module for o in objects), root)
        members: dict[str, list[PublicObject]] = defaultdict(list)
        for member in objects:
            members[group[member.module]].append(member)
        return {
            "what_does_it_do": [
                item
                for name, near in _tellable(members).items()
                for member in near
                if (item := what_does_it_do(member, name, near, self.seed))
            ],
            "where_is_it": [i for o in objects if (i := where_is_it(o, group[o.module]))],
            "call_as_xml": [
                i for o in objects if (i := call_as_xml(o, group[o.module], self.seed))
            ],
        }

    def _splits(self, items: dict[str, list[Item]]) -> dict[str, str]:
        sizes: dict[str, Counter[str]] = defaultdict(Counter)
        for task, task_items in items.items():
            for item in task_items:
                sizes[item.group][task] += 1
        splits = cut_groups(sizes, SHARES, self.seed)
        held = {
            (splits[item.group], task) for task, task_items in items.items() for item in task_items
        }
        if len(held) < len(SHARES) * len(_TASKS):
            raise ConfigError(
                f"python_docs: package={self.package!r} has {len(sizes)} documented modules and "
                f"{sum(map(len, items.values()))} questions, too few for questions of every kind "
                "in train, dev and test when no module stands in two; take a larger package"
            )
        return splits

    def _tasks(
        self, items: dict[str, list[Item]], splits: dict[str, str], split: str
    ) -> tuple[Task, ...]:
        limit = round(SHARES[split] * self.num_items)
        return tuple(
            task.model_copy(
                update={"items": tuple(self._drawn(items[task.name], splits, split, limit))}
            )
            for task in _TASKS
        )

    def _drawn(
        self, items: Iterable[Item], splits: dict[str, str], split: str, limit: int
    ) -> Iterator[Item]:
        by_id = {item.id: item for item in items if splits[item.group] == split}
        groups: dict[str, list[str]] = defaultdict(list)
        for item in by_id.values():
            groups[item.group].append(item.id)
        for name in interleaved(groups, limit, self.seed):
            yield by_id[name]

    def _control(self) -> Control:
        prose = list(distribution_prose([self.package], max_bytes=4 * CONTROL_BYTES))
        sizes = accumulate(len(text.encode()) for _, text in prose)
        texts = [text for (_, text), size in zip(prose, sizes, strict=True) if size < CONTROL_BYTES]
        items = continuation_items(
            prose, num_items=CONTROL_ITEMS, seed=self.seed, prefix="continuation"
        )
        task = CONTROL.model_copy(update={"items": items}) if items else None
        return Control(texts=tuple(texts), task=task)


def _tellable(members: dict[str, list[PublicObject]]) -> dict[str, list[PublicObject]]:
    """Group → its objects with a fair summary that no object of another group has."""
    owners: dict[str, set[str]] = defaultdict(set)
    for name, objects in members.items():
        for member in objects:
            owners[member.summary.casefold()].add(name)
    return {
        name: [o for o in objects if is_telling(o) and len(owners[o.summary.casefold()]) == 1]
        for name, objects in sorted(members.items())
    }
