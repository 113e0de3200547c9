"""What a study decided: the pick, where the best two differ, the confirmation."""

from acclimate.core.data import Record


class Disagreement(Record):
    """An item on which the best two differ."""

    task: str
    """Its task."""
    question: str
    """What was asked."""
    target: str
    """What is right."""
    answers: dict[str, str]
    """System → its answer."""
    scores: dict[str, float]
    """System → its score."""
    sources: dict[str, tuple[str, ...]] = {}
    """System → ids of the documents that its answer rests on; absent: it read none."""


class Recommendation(Record):
    """The pick and why."""

    pick: str
    """Label of a recipe, or of the base; empty: nothing keeps the limits."""
    beats_base: bool
    """Whether it is significantly better than the base."""
    reason: str
    """One paragraph."""
    changes: tuple[str, ...] = ()
    """What would change it."""


class Confirmation(Record):
    """The saved pick, loaded again and scored on the same items."""

    recipe: str
    """What was confirmed."""
    num_items: int
    """How many items were scored again."""
    num_different: int
    """How many scores differ; anything above 0 is an error."""
    folder: str = ""
    """Where it lies, the base in it; `acclimate.core.saved.load_model` reads it."""
