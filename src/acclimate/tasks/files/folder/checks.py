"""What is wrong with a domain as a whole: ids, sources, metrics, leaks."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from acclimate.core.domain import Document
from acclimate.core.errors import DataError
from acclimate.data.near_duplicates import Match, near_duplicates
from acclimate.tasks.files.folder.items import LocatedItem
from acclimate.tasks.files.folder.settings import load_metric


def check_item_ids(placed: Iterable[LocatedItem]) -> None:
    """Refuse two items with one id.

    Raises:
        DataError: Names both places.
    """
    seen: dict[str, str] = {}
    for one in placed:
        if one.item.id in seen:
            raise DataError(
                f"{one.location}: the id '{one.item.id}' is that of {seen[one.item.id]} too; "
                "give each row an id of its own, or none"
            )
        seen[one.item.id] = one.location


def check_sources(placed: Iterable[LocatedItem], documents: Sequence[Document]) -> None:
    """Refuse sources that are no documents.

    Raises:
        DataError: Names the place and the nearest document.
    """
    known = {document.id for document in documents}
    for one in placed:
        for source in one.item.sources:
            if source not in known:
                near = get_close_matches(source, known, n=1, cutoff=0.3)
                mend = f"did you mean '{near[0]}'?" if near else "put it there or drop the source"
                raise DataError(f"{one.location}: documents/ has no '{source}'; {mend}")


def check_metrics(task: str, metrics: Sequence[str], placed: Iterable[LocatedItem]) -> None:
    """Refuse metrics that do not go together, or cannot score the task's items.

    Raises:
        DataError: Names the metrics, or the first item one cannot score.
    """
    of_choices = _choice_metrics(task, metrics)
    for one in placed:
        if of_choices and not one.item.choices:
            raise DataError(
                f"{one.location}: task '{task}' is scored by {of_choices[0]}, which needs "
                "'choices'; "
                "add them, or give free answers another 'task'"
            )


def _choice_metrics(task: str, metrics: Sequence[str]) -> list[str]:
    """The metrics, if they are of weighed choices; none, if they are of free answers."""
    reads = {name: load_metric(f"task '{task}'", name).reads for name in metrics}
    if of_passages := [name for name, what in reads.items() if what == "passages"]:
        raise DataError(
            f"domain.yaml: task '{task}': {of_passages[0]} is reported beside the answer wherever "
            "rows have 'sources'; leave it out of 'metric'"
        )
    choices = [name for name, what in reads.items() if what == "choices"]
    free = [name for name in metrics if name not in choices]
    if choices and free:
        raise DataError(
            f"domain.yaml: task '{task}': {choices[0]} weighs choices and {free[0]} judges a free "
            "answer; a task is asked in one way: keep one kind, or put the rows in two tasks"
        )
    return choices


def check_leaks(placed: Mapping[str, Sequence[LocatedItem]]) -> None:
    """Refuse test items that are also, or nearly, in train or dev.

    Raises:
        DataError: Names the places of the first such pair and the number of the others.
    """
    test = placed.get("test", ())
    for split in ("train", "dev"):
        others = placed.get(split, ())
        matches = shared_items(others, test)
        if matches:
            first = matches[0]
            raise DataError(_leak(others[first.left], test[first.right], first, matches))


def doubts(placed: Mapping[str, Sequence[LocatedItem]]) -> list[str]:
    """What does not spoil a test but makes it say less than it seems to: one sentence each."""
    test = placed.get("test", ())
    first: dict[tuple[str, ...], LocatedItem] = {}
    for one in test:
        first.setdefault(_question(one), one)
    again = [one for one in test if first[_question(one)] is not one]
    same = [one for one in again if first[_question(one)].item.target == one.item.target]
    other = [one for one in again if first[_question(one)].item.target != one.item.target]
    elsewhere = {p.item.group for name in ("train", "dev") for p in placed.get(name, ())} - {""}
    grouped = [one for one in test if one.item.group in elsewhere]
    return [
        f"test: {len(items)} items {what}, the first at {items[0].location}; {mend}"
        for items, what, mend in (
            (same, "stand there before", "each counts again: drop them"),
            (other, "ask what another does and answer otherwise", "keep the right one"),
            (grouped, "are of a group that is in train or dev too", "cut the splits by group"),
        )
        if items
    ]


def _question(one: LocatedItem) -> tuple[str, ...]:
    """What is asked, and how."""
    return one.task, " ".join(one.item.question.split()).casefold(), *one.item.choices


def shared_items(left: Sequence[LocatedItem], right: Sequence[LocatedItem]) -> list[Match]:
    """Pairs of items, equal or nearly, across two splits."""
    if not left or not right:
        return []
    return list(near_duplicates([p.text for p in left], [p.text for p in right]))


def _leak(other: LocatedItem, test: LocatedItem, match: Match, matches: list[Match]) -> str:
    alike = "the same as" if match.similarity == 1 else f"{match.similarity:.0%} the same as"
    more = len({m.right for m in matches}) - 1
    also = f" (so are {more} more test items)" if more else ""
    return (
        f"{test.location}: is {alike} {other.location}: {test.item.question!r:.80}{also}; "
        "a test item "
        "that is trained on measures nothing: drop one of the two rows"
    )
