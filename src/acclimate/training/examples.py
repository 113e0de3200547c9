"""An item as the tokens that are read and those that are learned."""

from collections.abc import Iterable, Iterator
from typing import Any

from acclimate.core.prompt import Prompt
from acclimate.data.prompt_template import reads_turns
from acclimate.data.tokenizers.chat_template import ending
from acclimate.training.packing import TokenizedExample


def encoded(core: Any, pairs: Iterable[tuple[Prompt, str]]) -> Iterator[list[TokenizedExample]]:
    """Each target after its prompt, as a neural model reads them; one list a pair.

    Of a dialogue every turn of the assistant is learned, with the token that ends it, all of them
    in one example. Where a template writes the past otherwise than the present (some drop what was
    thought), a turn has an example of its own, so that each is learned as it will be asked for.
    """
    end = ending(core.network, core.tokenizer)
    for prompt, target in pairs:
        yield list(_examples(core, prompt, target, end))


def _examples(core: Any, prompt: Prompt, target: str, end: list[int]) -> Iterator[TokenizedExample]:
    before: TokenizedExample | None = None
    for asked, said in _spoken(core.tokenizer, prompt, target):
        ids, answer = core.encode(asked, said)
        is_learned = [True] * (len(answer) + len(end))
        now = TokenizedExample(ids, [*answer, *end], is_learned, core.route(prompt))
        joined = _joined(before, now) if before is not None else now
        if before is not None and joined is now:
            yield before
        before = joined
    if before is not None:
        yield before


def _spoken(tokenizer: Any, prompt: Prompt, target: str) -> Iterator[tuple[Prompt, str]]:
    """Each answer of the assistant after the prompt that asks for it."""
    if reads_turns(prompt, tokenizer):
        for place, turn in enumerate(prompt.turns):
            past = prompt.turns[:place]
            if turn.role == "assistant" and any(t.role == "user" for t in past):
                # What methods put around the question stands around the last one.
                yield prompt.with_parts(turns=past, passages=(), answer_prefix=""), turn.content
    yield prompt, target


def _joined(before: TokenizedExample, now: TokenizedExample) -> TokenizedExample:
    """Both as one, if all that the first holds begins what the second reads; else the second."""
    start = [*before.prompt, *before.answer]
    if list(now.prompt[: len(start)]) != start:
        return now
    between = now.prompt[len(start) :]
    is_learned = [*before.is_learned, *[False] * len(between), *now.is_learned]
    return TokenizedExample(
        before.prompt, [*before.answer, *between, *now.answer], is_learned, now.route
    )
