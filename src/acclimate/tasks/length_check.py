"""Items against a base's vocabulary and window, and a task's longest answer."""

from acclimate.core.domain import Domain, Item, Task
from acclimate.core.errors import ConfigError, DataError
from acclimate.core.model import Model, NeuralModel
from acclimate.core.rewriter import unwrap
from acclimate.core.runtime.progress import progress


def check_lengths(domain: Domain, base: Model) -> list[str]:
    """Lay out every question, with the longest of its answers, as the base reads it.

    Returns:
        One sentence for each task with free answers longer than its `max_new_tokens`.

    Raises:
        DataError: A question does not fit beside its answer into the context window.
        ConfigError: The tokenizer is not the base's own.
    """
    core = unwrap(base).core
    if not isinstance(core, NeuralModel):
        return []
    notes = []
    tasks = [*domain.train, *domain.dev, *domain.test]
    with progress("measuring lengths", sum(len(task.items) for task in tasks)) as advance:
        for task in tasks:
            lengths = []
            for item in task.items:
                length = _answer_length(core, task, item)
                lengths += [] if item.choices else [length]
                advance(1)
            notes += _too_long(task, lengths)
    return list(dict.fromkeys(notes))


def _answer_length(base: NeuralModel, task: Task, item: Item) -> int:
    """Tokens of the item's longest answer, after the question."""
    longest = max((item.target, *item.choices), key=len)
    try:
        question, answer = base.encode(task.prompt(item), longest)
    except DataError as error:
        raise DataError(f"{item.place}: {error}" if item.place else str(error)) from None
    num_known = base.network.get_input_embeddings().weight.shape[0]
    highest = max((*question, *answer))
    if highest >= num_known:
        raise ConfigError(
            f"the base's tokenizer writes token {highest} and its network knows {num_known}: they "
            "do not belong together; put the tokenizer that the model was trained with beside it"
        )
    return len(answer)


def _too_long(task: Task, lengths: list[int]) -> list[str]:
    over = [length for length in lengths if length > task.max_new_tokens]
    if not over:
        return []
    return [
        f"task '{task.name}': {len(over)} of {len(lengths)} right answers take more than "
        f"max_new_tokens={task.max_new_tokens} tokens (up to {max(over)}) and cannot be given; "
        "raise it in domain.yaml"
    ]
