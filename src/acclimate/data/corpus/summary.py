"""What became of a corpus, in counts."""

from collections.abc import Mapping

from acclimate.core.provenance import Provenance
from acclimate.core.record import Record

MALFORMED = "malformed_row"
"""The rule that drops a row without text."""


class SplitCount(Record):
    """The size of one split."""

    num_documents: int
    """Lines of its file."""
    num_bytes: int
    """Its texts as UTF-8."""


class CorpusSummary(Record):
    """What was read, kept and dropped, and why."""

    digest: str
    """Of the sources and the settings; another one means that the corpus is built anew."""
    made_by: Provenance = Provenance()
    """By which code and libraries; others mean the same."""
    num_documents_read: int
    """Texts, rows and pages, kept or dropped; of a text of over 2 million characters each part."""
    num_bytes_read: int
    """Unpacked, as UTF-8, with the markup that they had."""
    num_documents_kept: int
    """In all splits."""
    num_bytes_kept: int
    """Clean text as UTF-8."""
    dropped: Mapping[str, int]
    """Documents by the rule that dropped them; `dropped.jsonl` lists each with its reason."""
    lines_dropped: Mapping[str, int]
    """Lines by the rule that dropped them, in documents that were kept or not."""
    unreadable: tuple[str, ...]
    """Files that could not be read (to their end), each with the reason."""
    is_cut_by_position: bool
    """Whether there were fewer documents than splits, so that each was cut."""
    splits: Mapping[str, SplitCount]
    """By name: train, dev, test."""
    file_bytes: Mapping[str, int]
    """Sizes of the files, by which a damaged corpus is found."""

    @property
    def has_unreadable(self) -> bool:
        """Whether any file or row could not be read."""
        return bool(self.unreadable) or MALFORMED in self.dropped

    def rows(self) -> list[tuple[str, int, int | None]]:
        """What to print: what, how many, bytes where they are known."""
        lines: list[tuple[str, int, int | None]] = [
            ("documents read", self.num_documents_read, self.num_bytes_read)
        ]
        lines += [(f"dropped: {rule}", n, None) for rule, n in self.dropped.items()]
        lines += [(f"lines dropped: {rule}", n, None) for rule, n in self.lines_dropped.items()]
        if self.unreadable:
            lines.append(("unreadable files", len(self.unreadable), None))
        lines.append(("documents kept", self.num_documents_kept, self.num_bytes_kept))
        lines += [(name, s.num_documents, s.num_bytes) for name, s in self.splits.items()]
        return lines
