"""Completions that begin with their prompt, its tokens weighed where asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from acclimate.core.model import Completion, Model, Sampling
from acclimate.core.prompt import Passage, Prompt
from acclimate.core.rewriter import unwrap
from acclimate.data.tokenizers.chat_template import stop_ids
from acclimate.inference.local_model import LocalModel
from acclimate.inference.prompt_logprobs import GivenTokens, PromptLogprobs, weigh_tokens
from acclimate.server.api_errors import ApiError
from acclimate.server.openai.prompts import check_ids, starts
from acclimate.server.openai.requests import PromptText

EchoPrompt = tuple[Prompt, PromptText]
"""A prompt and what it was made from."""


@dataclass(frozen=True)
class EncodedEcho:
    """A prompt as the network of a model reads it."""

    given: GivenTokens
    passages: tuple[Passage, ...]


def echoed(
    model: Model, pairs: Sequence[EchoPrompt], sampling: Sampling, num_tokens: int
) -> Iterator[Completion]:
    """Each prompt and its answer as one text.

    Args:
        model: Where tokens are told, one that ends in a decoder of ours.
        pairs: Prompts with their texts, one at least.
        sampling: How answers are drawn.
        num_tokens: The longest answer; 0 for none.

    Raises:
        ApiError: The prompts' tokens cannot be weighed.
    """
    prompts = [prompt for prompt, _ in pairs]
    if sampling.logprobs is None:
        new = _drawn(model, prompts, sampling) if num_tokens else _unsaid(model, prompts)
        for prompt, answer in zip(prompts, new, strict=True):
            yield replace(answer, text=_joined(prompt, answer), tokens=())
        return
    core = _decoder(model)
    laid_out = [_laid_out(model, core, prompt, text) for prompt, text in pairs]
    weighed = weigh_tokens(core, [echo.given for echo in laid_out], sampling.logprobs)
    if num_tokens == 0:
        new = [_NOTHING] * len(prompts)
    elif num_tokens == 1 and _is_plain(sampling):
        new = [_next(core, echo) for echo in weighed]
    else:
        new = _drawn(model, prompts, sampling)
    for prompt, echo, logprobs, answer in zip(prompts, laid_out, weighed, new, strict=True):
        yield replace(
            answer,
            text=_joined(prompt, answer),
            num_prompt_tokens=len(echo.given.before) + len(echo.given.ids),
            tokens=(*logprobs.tokens, *answer.tokens),
            passages=echo.passages,
        )


_NOTHING = Completion("", is_cut=True)


def _drawn(model: Model, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
    # Tokens are told in any case: they know the blank before an answer, which its text has not.
    changed = {"logprobs": sampling.logprobs or 0}
    return list(model.generate(prompts, sampling.model_copy(update=changed)))


def _unsaid(model: Model, prompts: Sequence[Prompt]) -> list[Completion]:
    """What answers tell of their prompts: how many tokens those are, the model alone knows."""
    answers = model.generate(prompts, Sampling(max_new_tokens=1))
    return [replace(answer, text="", num_new_tokens=0, is_cut=True) for answer in answers]


def _joined(prompt: Prompt, answer: Completion) -> str:
    first = answer.tokens[0].text if answer.tokens else ""
    blank = first[: len(first) - len(first.lstrip())] if answer.text else ""
    return prompt.question + blank + answer.text.lstrip()


def _next(core: LocalModel, logprobs: PromptLogprobs) -> Completion:
    """The likeliest token as an answer; weighing the prompt has told it already."""
    is_end = logprobs.next_id in stop_ids(core.network, core.tokenizer)
    text = "" if is_end else logprobs.next_token.text
    return Completion(text, num_new_tokens=1, is_cut=not is_end, tokens=(logprobs.next_token,))


def _is_plain(sampling: Sampling) -> bool:
    """Whether the likeliest token is the one that is drawn, and all of it is the answer."""
    plain = Sampling(
        max_new_tokens=sampling.max_new_tokens, logprobs=sampling.logprobs, seed=sampling.seed
    )
    return sampling == plain


def _decoder(model: Model) -> LocalModel:
    core = unwrap(model).core
    if not isinstance(core, LocalModel) or core.is_seq2seq:
        raise ApiError(
            422,
            "the tokens of a prompt can be weighed where one decoder reads it, and this system has "
            "none; leave out echo or logprobs",
            param="echo",
        )
    return core


def _laid_out(model: Model, core: LocalModel, prompt: Prompt, text: PromptText) -> EncodedEcho:
    (shown,) = unwrap(model).render([prompt])
    if shown.passages or shown.examples:
        shown, _ = core.prompt_tokenizer.fitted(shown, 1)
    start = starts(core.tokenizer)
    stem = core.prompt_tokenizer.text(shown.with_parts(question="", answer_prefix=""))
    before = core.tokenizer(stem)["input_ids"] if stem else start
    if isinstance(text, str):
        ids = core.tokenizer(text, add_special_tokens=False)["input_ids"]
    else:
        check_ids(core.tokenizer, text)
        ids = list(text)
        before = [] if before == start == ids[: len(start)] else before
    # Line breaks before a text are other tokens than at an end: both are read as one.
    whole = core.tokenizer(stem + prompt.question)["input_ids"] if stem else []
    before = whole[: -len(ids)] if ids and whole[-len(ids) :] == ids else before
    num_tokens = len(before) + len(ids)
    if not ids or num_tokens >= core.window:
        raise ApiError(
            422,
            f"the prompt takes {num_tokens} tokens, must be from 1 to {core.window - 1} to be "
            "echoed with logprobs",
            param="prompt",
        )
    return EncodedEcho(GivenTokens(before, ids, core.route(shown)), shown.passages)
