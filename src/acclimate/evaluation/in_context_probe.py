"""Does a model use what its prompt shows? Choices with the right passage."""

from collections.abc import Iterator
from itertools import islice

from acclimate.core.domain import Document, Domain, Item, Task
from acclimate.core.model import Model
from acclimate.core.prompt import Passage
from acclimate.data.documents.chunking import chunk_document

MAX_ITEMS = 120
_CHUNK_TOKENS = 96
"""Short enough for small context windows."""


def in_context_accuracy(model: Model, domain: Domain) -> float | None:
    """Share of dev choice items answered rightly when a passage that holds the answer is shown.

    Items of a document none of whose passages holds the answer word for word are left out. None
    where no item is left.
    """
    documents = {document.id: document for document in domain.documents}
    shown = list(islice(_shown(domain, documents), MAX_ITEMS))
    if not shown:
        return None
    right = [_is_right(model, task, item, passage) for task, item, passage in shown]
    return sum(right) / len(right)


def _shown(domain: Domain, documents: dict[str, Document]) -> Iterator[tuple[Task, Item, Passage]]:
    for task in domain.dev:
        for item in task.items:
            held = [documents[source] for source in item.sources if source in documents]
            passages = [
                passage
                for document in held
                for passage in chunk_document(
                    document, chunk_tokens=_CHUNK_TOKENS, overlap_tokens=0
                )
                if item.target in " ".join(passage.text.split())
            ]
            if item.choices and passages:
                yield task, item, passages[0]


def _is_right(model: Model, task: Task, item: Item, passage: Passage) -> bool:
    prompt = task.prompt(item).with_parts(passages=(passage,))
    weighed = model.loglikelihood([(prompt, choice) for choice in item.choices])
    scores = [w.logprob / max(1, w.num_bytes) for w in weighed]
    return item.choices[scores.index(max(scores))] == item.target
