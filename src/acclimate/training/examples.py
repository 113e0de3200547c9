"""Fine-tuning examples: an item as prompt tokens and the answer tokens to learn."""

from collections.abc import Iterable, Iterator
from typing import Any

from acclimate.core.prompt import Prompt
from acclimate.data.prompt_template import reads_turns
from acclimate.data.tokenizers.chat_template import ending
from acclimate.training.packing import TokenizedExample


def encode_pairs(
    core: Any, pairs: Iterable[tuple[Prompt, str]]
) -> Iterator[list[TokenizedExample]]:
    """Tokenize each target after its prompt, as the model does; a list of examples for each pair.

    Of a dialogue every turn of the assistant is learned, with the token that ends it, all of them
    in one example. Where a template writes past turns otherwise than the last (some drop its
    reasoning), a turn has an example of its own, so that it is learned in the form that is decoded.
    """
    end = ending(core.network, core.tokenizer)
    for prompt, target in pairs:
        yield list(_examples(core, prompt, target, end))


def _examples(core: Any, prompt: Prompt, target: str, end: list[int]) -> Iterator[TokenizedExample]:
    pending: TokenizedExample | None = None
    for turn_prompt, turn_answer in _assistant_turns(core.tokenizer, prompt, target):
        prompt_ids, answer_ids = core.encode(turn_prompt, turn_answer)
        is_learned = [True] * (len(answer_ids) + len(end))
        example = TokenizedExample(prompt_ids, [*answer_ids, *end], is_learned, core.route(prompt))
        joined = _joined(pending, example) if pending is not None else example
        if pending is not None and joined is example:
            yield pending
        pending = joined
    if pending is not None:
        yield pending


def _assistant_turns(tokenizer: Any, prompt: Prompt, target: str) -> Iterator[tuple[Prompt, str]]:
    """Each answer of the assistant, with the prompt that it answers."""
    if reads_turns(prompt, tokenizer):
        for index, turn in enumerate(prompt.turns):
            past = prompt.turns[:index]
            if turn.role == "assistant" and any(t.role == "user" for t in past):
                # What methods put around the question stands around the last one.
                yield prompt.with_parts(turns=past, passages=(), answer_prefix=""), turn.content
    yield prompt, target


def _joined(before: TokenizedExample, now: TokenizedExample) -> TokenizedExample:
    """Both as one example where the first is the start of the second's prompt; else the second."""
    start = [*before.prompt, *before.answer]
    if list(now.prompt[: len(start)]) != start:
        return now
    between = now.prompt[len(start) :]
    is_learned = [*before.is_learned, *[False] * len(between), *now.is_learned]
    return TokenizedExample(
        before.prompt, [*before.answer, *between, *now.answer], is_learned, now.route
    )
