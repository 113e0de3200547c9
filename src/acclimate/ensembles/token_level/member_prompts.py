"""How each member encodes every prompt, and which members are left out.

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
"""A prompt as the member sees it, its ids, and those of each continuation after it."""


@dataclass(frozen=True)
class MemberPrompts:
    """A member with its encoding of each prompt."""

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
        """Ids of each prompt; where it is left out, of another one, whose logits do not count."""
        prompt_ids = [encoded[1] for encoded in self.encoded if isinstance(encoded, tuple)]
        idle = min(prompt_ids, key=len, default=[0])
        return [encoded[1] if isinstance(encoded, tuple) else idle for encoded in self.encoded]

    @property
    def routes(self) -> list[int | None]:
        """Which of the network's adapters each prompt goes through."""
        shown = [
            encoded[0] if isinstance(encoded, tuple) else Prompt("") for encoded in self.encoded
        ]
        return [self.core.route(prompt) for prompt in shown]

    @property
    def source(self) -> NetworkSource:
        """The member as the scheduler reads it."""
        return NetworkSource(self.core.network, self.contexts, self.routes, self.core.window)

    def requests(self, continuations: Sequence[Sequence[list[int]]]) -> list[ScoringRequest]:
        """Scoring requests for the continuations of each prompt."""
        rows = zip(self.contexts, continuations, self.routes, strict=True)
        return [ScoringRequest(context, ids, route) for context, ids, route in rows]


EncodePrompt = Callable[[LocalModel, Prompt, tuple[str, ...]], EncodedPrompt]


def to_answer(max_new_tokens: int) -> EncodePrompt:
    """An encoder of prompts that leaves room for an answer."""

    def encode(core: LocalModel, prompt: Prompt, _texts: tuple[str, ...]) -> EncodedPrompt:
        return (
            *core.prompt_tokenizer.fitted(prompt, core.prompt_tokenizer.reserve(max_new_tokens)),
            [],
        )

    return encode


def to_weigh(core: LocalModel, prompt: Prompt, texts: tuple[str, ...]) -> EncodedPrompt:
    """Encode a prompt with continuations, leaving room for the longest."""
    return core.prompt_tokenizer.encode_choices(prompt, texts)


def encode_for_members(
    members: Sequence[Model],
    questions: Sequence[tuple[Prompt, tuple[str, ...]]],
    encode: EncodePrompt,
) -> list[MemberPrompts]:
    """Every member with its encoding of the prompts, in order.

    Raises:
        BackendError: A prompt that fits none of them.
    """
    member_prompts = [_prompts_of(model, questions, encode) for model in members]
    for index, (prompt, _) in enumerate(questions):
        encoded = [member.encoded[index] for member in member_prompts]
        failures = [error for error in encoded if not isinstance(error, tuple)]
        if len(failures) == len(member_prompts):
            raise all_members_failed(prompt, failures)
        log_mean(LEFT_OUT_OF_MIXTURE, len(failures), len(member_prompts))
    return member_prompts


def _prompts_of(
    member: Model, questions: Sequence[tuple[Prompt, tuple[str, ...]]], encode: EncodePrompt
) -> MemberPrompts:
    unwrapped = unwrap(member)
    core = core_by_steps(member)

    def encode_all(some: Sequence[tuple[Prompt, tuple[str, ...]]]) -> list[EncodedPrompt]:
        rendered = unwrapped.render([prompt for prompt, _ in some])
        return [
            encode(core, prompt, texts) for prompt, (_, texts) in zip(rendered, some, strict=True)
        ]

    return MemberPrompts(
        core, unwrapped.rewriters, list(call_with_bisection(encode_all, questions))
    )


def effective_weights(
    weights: torch.Tensor, member_prompts: Sequence[MemberPrompts]
) -> torch.Tensor:
    """Weights (N, K), 0 where a member is left out; if none remains, 1 for all present.

    Args:
        weights: Of each member for each prompt, (N, K), not negative.
        member_prompts: Of the members.
    """
    rows = [member.is_present for member in member_prompts]
    present = torch.tensor(rows, dtype=torch.float32).T  # (N, K)
    masked = weights.float() * present
    return torch.where(masked.sum(-1, keepdim=True) > 0, masked, present)


def stop_condition_of(member_prompts: Sequence[MemberPrompts], sampling: Sampling) -> StopCondition:
    """The stop condition of a joint answer: it ends where any member's would."""
    cores = [member.core for member in member_prompts]
    ends = frozenset().union(*(stop_ids(core.network, core.tokenizer) for core in cores))
    return StopCondition(cores[0].tokenizer, sampling, ends)


def completions_of(
    member_prompts: Sequence[MemberPrompts], texts: Sequence[str], lengths: Sequence[int]
) -> list[Completion]:
    """Completions of the joint texts, with the passages of all members."""
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
