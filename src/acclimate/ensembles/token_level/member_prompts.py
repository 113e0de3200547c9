"""Members at a table: what each reads of every prompt, and who is left out.

Letters: N prompts, K members.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from acclimate.core.errors import AcclimateError
from acclimate.core.model import Completion, Model, Sampling
from acclimate.core.prompt import Passage, Prompt
from acclimate.core.rewriter import PromptRewriter, unwrap
from acclimate.core.runtime.fit_log import log_mean
from acclimate.data.tokenizers.chat_template import stop_ids
from acclimate.ensembles.member_calls import all_members_failed, call_with_bisection
from acclimate.inference.backends.backend_model import core_by_steps
from acclimate.inference.engine.sequence_batch import NetworkSource
from acclimate.inference.local_model import LocalModel
from acclimate.inference.scoring.teacher_forcing import ScoringRequest
from acclimate.inference.stop_strings import StopCondition

LEFT_OUT_OF_MIXTURE = "members left out, as a prompt does not fit them, share"

EncodedPrompt = tuple[Prompt, list[int], list[list[int]]]
"""A prompt as it is shown, its ids, and those of each continuation after it."""


@dataclass(frozen=True)
class MemberPrompts:
    """A member, and what it reads of each prompt."""

    core: LocalModel
    rewriters: tuple[PromptRewriter, ...]
    encoded: list[EncodedPrompt | AcclimateError]
    """Of each prompt; an error where the member is left out."""

    @property
    def is_present(self) -> list[bool]:
        """Whether the member reads each prompt."""
        return [isinstance(encoded, tuple) for encoded in self.encoded]

    @property
    def contexts(self) -> list[list[int]]:
        """Ids of each prompt; where it is left out, of another one, which nobody hears."""
        prompt_ids = [encoded[1] for encoded in self.encoded if isinstance(encoded, tuple)]
        idle = min(prompt_ids, key=len, default=[0])
        return [encoded[1] if isinstance(encoded, tuple) else idle for encoded in self.encoded]

    @property
    def routes(self) -> list[int | None]:
        """Of each prompt, through the network's adapters."""
        shown = [
            encoded[0] if isinstance(encoded, tuple) else Prompt("") for encoded in self.encoded
        ]
        return [self.core.route(prompt) for prompt in shown]

    @property
    def source(self) -> NetworkSource:
        """It in the decoding loop."""
        return NetworkSource(self.core.network, self.contexts, self.routes, self.core.window)

    def requests(self, continuations: Sequence[Sequence[list[int]]]) -> list[ScoringRequest]:
        """What it is to weigh after each prompt."""
        rows = zip(self.contexts, continuations, self.routes, strict=True)
        return [ScoringRequest(context, texts_ids, route) for context, texts_ids, route in rows]


EncodePrompt = Callable[[LocalModel, Prompt, tuple[str, ...]], EncodedPrompt]


def to_answer(max_new_tokens: int) -> EncodePrompt:
    """Leave room for an answer."""

    def encode(core: LocalModel, prompt: Prompt, _texts: tuple[str, ...]) -> EncodedPrompt:
        return (
            *core.prompt_tokenizer.fitted(prompt, core.prompt_tokenizer.reserve(max_new_tokens)),
            [],
        )

    return encode


def to_weigh(core: LocalModel, prompt: Prompt, texts: tuple[str, ...]) -> EncodedPrompt:
    """Leave room for the longest continuation."""
    return core.prompt_tokenizer.encode_choices(prompt, texts)


def encode_for_members(
    members: Sequence[Model],
    questions: Sequence[tuple[Prompt, tuple[str, ...]]],
    encode: EncodePrompt,
) -> list[MemberPrompts]:
    """Every member with what it reads, in order.

    Raises:
        BackendError: A prompt that fits none of them.
    """
    member_prompts = [_prompts_of(member, questions, encode) for member in members]
    for index, (prompt, _) in enumerate(questions):
        encoded = [prompts.encoded[index] for prompts in member_prompts]
        failures = [result for result in encoded if not isinstance(result, tuple)]
        if len(failures) == len(member_prompts):
            raise all_members_failed(prompt, failures)
        log_mean(LEFT_OUT_OF_MIXTURE, len(failures), len(member_prompts))
    return member_prompts


def _prompts_of(
    member: Model, questions: Sequence[tuple[Prompt, tuple[str, ...]]], encode: EncodePrompt
) -> MemberPrompts:
    unwrapped = unwrap(member)
    core = core_by_steps(member)

    def read(some: Sequence[tuple[Prompt, tuple[str, ...]]]) -> list[EncodedPrompt]:
        rendered = unwrapped.render([prompt for prompt, _ in some])
        return [
            encode(core, prompt, texts) for prompt, (_, texts) in zip(rendered, some, strict=True)
        ]

    return MemberPrompts(core, unwrapped.rewriters, list(call_with_bisection(read, questions)))


def effective_weights(
    weights: torch.Tensor, member_prompts: Sequence[MemberPrompts]
) -> torch.Tensor:
    """Weights (N, K), 0 for who is left out; where nobody is left to be heard, all who are there.

    Args:
        weights: Of each member for each prompt, (N, K), not negative.
        seats: Of the members.
    """
    present = torch.tensor(
        [member.is_present for member in member_prompts], dtype=torch.float32
    ).T  # (N, K)
    masked = weights.float() * present
    return torch.where(masked.sum(-1, keepdim=True) > 0, masked, present)


def stop_condition_of(member_prompts: Sequence[MemberPrompts], sampling: Sampling) -> StopCondition:
    """An answer ends where any member's would."""
    cores = [member.core for member in member_prompts]
    ends = frozenset().union(*(stop_ids(core.network, core.tokenizer) for core in cores))
    return StopCondition(cores[0].tokenizer, sampling, ends)


def completions_of(
    member_prompts: Sequence[MemberPrompts], texts: Sequence[str], lengths: Sequence[int]
) -> list[Completion]:
    """Answers as they leave the members: with what all of them read."""
    return [
        _completion(member_prompts, index, text, length)
        for index, (text, length) in enumerate(zip(texts, lengths, strict=True))
    ]


def _completion(
    member_prompts: Sequence[MemberPrompts], index: int, text: str, num_new_tokens: int
) -> Completion:
    present = [
        (member, encoded)
        for member in member_prompts
        if isinstance(encoded := member.encoded[index], tuple)
    ]
    first, (shown, *_) = present[0]
    answer = Completion(
        text=text,
        num_prompt_tokens=sum(len(ids) for _, (_, ids, _) in present),
        num_new_tokens=num_new_tokens,
        passages=passages_of(member_prompts, index),
        prompt=first.core.prompt_tokenizer.text(shown),
    )
    # Inside out, as each member would: an answer is drawn out of what was written once.
    for member, _ in present:
        for rewriter in reversed(member.rewriters):
            answer = rewriter.finish(answer)
    return answer


def passages_of(member_prompts: Sequence[MemberPrompts], index: int) -> tuple[Passage, ...]:
    """What the members were shown at a prompt, each passage once."""
    shown = [
        encoded[0].passages
        for member in member_prompts
        if isinstance(encoded := member.encoded[index], tuple)
    ]
    return tuple(dict.fromkeys(passage for passages in shown for passage in passages))
