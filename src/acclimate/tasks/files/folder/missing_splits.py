"""Splits that a domain folder lacks, cut from those it has."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from acclimate.core.domain import Document, Task
from acclimate.core.errors import DataError
from acclimate.data.near_duplicates import merge_near_duplicates
from acclimate.tasks.continuations import continuation_items
from acclimate.tasks.files.folder.items import LocatedItem
from acclimate.tasks.splits import cut_groups

_TEST_SHARE, _DEV_SHARE = 0.2, 0.15
"""Of the items that are cut."""
MAX_CONTINUATIONS = 300
_SHOWN_ONLY = "{{ question }}"

Splits = dict[str, list[LocatedItem]]


def complete(given: Splits, seed: int) -> tuple[Splits, list[str]]:
    """Cut the splits that are missing; items that are near-duplicates stay together.

    Test items come from train (or dev, where there is no train), dev items from train, or from
    test where that is all there is.

    Returns:
        All splits, and what was cut as said to the user.

    Raises:
        DataError: There are fewer groups than splits.
    """
    missing = {"test": _TEST_SHARE, "dev": _DEV_SHARE}
    wanted = {name: share for name, share in missing.items() if not given.get(name)}
    source = next(name for name in ("train", "dev", "test") if given.get(name))
    wanted.pop(source, None)
    if not wanted:
        return given, []
    items = _joined(given[source])
    sizes: dict[str, Counter[str]] = defaultdict(Counter)
    for one in items:
        sizes[one.item.cluster][one.task] += 1
    shares = {**wanted, source: 1 - sum(wanted.values())}
    if len(sizes) < len(shares):
        raise DataError(
            f"{items[0].location.partition(',')[0]}: {len(items)} items in {len(sizes)} groups "
            "cannot "
            f"be cut into {' and '.join(shares)}; add items, or a file for each split"
        )
    chosen = cut_groups(sizes, shares, seed)
    cut = {name: [p for p in items if chosen[p.item.cluster] == name] for name in shares}
    notes = [
        f"{name}: {len(cut[name])} of the {len(items)} items of {source}, cut by group with seed "
        f"{seed}, as there is no {name} table"
        for name in wanted
    ]
    return {**given, **cut}, notes


def _joined(placed: Sequence[LocatedItem]) -> list[LocatedItem]:
    """The same items; where near-duplicates stand in two groups, those become one."""
    groups = [one.item.cluster for one in placed]
    merged = merge_near_duplicates([one.text for one in placed], groups)
    sizes = Counter(merged)
    return [
        one.grouped(group) if sizes[group] > 1 else one
        for one, group in zip(placed, merged, strict=True)
    ]


def from_documents(
    documents: Sequence[Document], seed: int
) -> tuple[dict[str, tuple[Task, ...]], list[Document], list[str]]:
    """Test and dev items where there are only documents: which sentence follows one.

    Returns:
        The tasks of test and dev, the documents that were not held out, and what was done.

    Raises:
        DataError: The documents are too few or too short.
    """
    shares = {"test": _TEST_SHARE, "dev": _DEV_SHARE, "train": 1 - _TEST_SHARE - _DEV_SHARE}
    chosen = cut_groups({d.id: {"": len(d.text)} for d in documents}, shares, seed)
    tasks: dict[str, tuple[Task, ...]] = {
        split: (_continuations([d for d in documents if chosen[d.id] == split], split, seed),)
        for split in ("test", "dev")
    }
    if not all(task.items for made in tasks.values() for task in made):
        raise DataError(
            f"{len(documents)} documents and no items: that is too little text to ask about; add "
            "a test table, or at least 3 documents of 10 sentences"
        )
    remaining = [d for d in documents if chosen[d.id] == "train"]
    note = (
        f"test and dev: which sentence follows one, asked about "
        f"{len(documents) - len(remaining)} of {len(documents)} documents, which were held out "
        f"with seed {seed}, as there are no items"
    )
    return tasks, remaining, [note]


def _continuations(documents: Sequence[Document], split: str, seed: int) -> Task:
    paragraphs = [(d.id, part) for d in documents for part in d.text.split("\n\n")]
    items = continuation_items(paragraphs, num_items=MAX_CONTINUATIONS, seed=seed, prefix=split)
    metrics = ("choice_accuracy", "choice_logprob")
    return Task(name="continuation", metrics=metrics, template=_SHOWN_ONLY, items=items)
