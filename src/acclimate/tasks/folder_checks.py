"""What is wrong with a domain as a whole: ids, sources, metrics, leaks."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from acclimate.core.data import Document
from acclimate.core.errors import DataError
from acclimate.tasks.folder_items import Placed
from acclimate.tasks.folder_settings import load_metric
from acclimate.text.near_duplicates import Match, near_duplicates


def check_ids(placed: Iterable[Placed]) -> None:
    """Refuse two items with one id.

    Raises:
        DataError: Names both places.
    """
    seen: dict[str, str] = {}
    for one in placed:
        if one.item.id in seen:
            raise DataError(
                f"{one.place}: the id '{one.item.id}' is that of {seen[one.item.id]} too; "
                "give each row an id of its own, or none"
            )
        seen[one.item.id] = one.place


def check_sources(placed: Iterable[Placed], documents: Sequence[Document]) -> None:
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
                raise DataError(f"{one.place}: documents/ has no '{source}'; {mend}")


def check_metrics(task: str, metrics: Sequence[str], placed: Iterable[Placed]) -> None:
    """Refuse a metric that cannot score the task's items.

    Raises:
        DataError: Names the first item it cannot score.
    """
    reads = {name: load_metric(f"task '{task}'", name).reads for name in metrics}
    for one in placed:
        for name, what in reads.items():
            if what == "choices" and not one.item.choices:
                raise DataError(
                    f"{one.place}: task '{task}' is scored by {name}, which needs 'choices'; add "
                    "them, or give free answers another 'task'"
                )
            if what == "passages" and not one.item.sources:
                raise DataError(
                    f"{one.place}: task '{task}' is scored by {name}, which needs 'sources'; add "
                    "the documents that hold the answer"
                )


def check_leaks(placed: Mapping[str, Sequence[Placed]]) -> None:
    """Refuse test items that are also, or nearly, in train or dev.

    Raises:
        DataError: Names the places of the first such pair and the number of the others.
    """
    test = placed.get("test", ())
    for split in ("train", "dev"):
        others = placed.get(split, ())
        found = shared(others, test)
        if found:
            first = found[0]
            raise DataError(_leak(others[first.left], test[first.right], first, found))


def shared(left: Sequence[Placed], right: Sequence[Placed]) -> list[Match]:
    """Pairs of items, equal or nearly, across two splits."""
    if not left or not right:
        return []
    return list(near_duplicates([p.text for p in left], [p.text for p in right]))


def _leak(other: Placed, test: Placed, match: Match, found: list[Match]) -> str:
    alike = "the same as" if match.similarity == 1 else f"{match.similarity:.0%} the same as"
    more = len({m.right for m in found}) - 1
    also = f" (so are {more} more test items)" if more else ""
    return (
        f"{test.place}: is {alike} {other.place}: {test.item.question!r:.80}{also}; a test item "
        "that is trained on measures nothing: drop one of the two rows"
    )
