"""Checks that members can be combined token by token."""

from collections.abc import Sequence
from typing import Any

from acclimate.core.errors import NotApplicableError
from acclimate.core.model import Model
from acclimate.inference.backends.backend_model import core_by_steps
from acclimate.inference.local_model import LocalModel


def require_networks(members: Sequence[Model], labels: Sequence[str], method: str) -> None:
    """Refuse members that do not give their distribution at every step.

    Raises:
        NotApplicableError: One is recorded, remote, or itself answers by more than one network.
    """
    for member, label in zip(members, labels, strict=True):
        core = core_by_steps(member)
        if not isinstance(core, LocalModel):
            offered = "only whole answers" if "logprobs" in core.capabilities else "only text"
            raise NotApplicableError(
                f"{method} joins members at every step, which needs their weights, and {label} "
                f"gives {offered}; output_vote works on whole answers instead"
            )


def require_one_vocabulary(members: Sequence[Model], labels: Sequence[str], method: str) -> None:
    """As `require_networks`, and refuse members whose vocabularies differ.

    Raises:
        NotApplicableError: Two have other vocabularies.
    """
    require_networks(members, labels, method)
    cores: list[Any] = [core_by_steps(member) for member in members]
    vocabularies = [core.tokenizer.get_vocab() for core in cores]
    for label, vocab in zip(labels, vocabularies, strict=True):
        if vocab != vocabularies[0]:
            raise NotApplicableError(
                f"{method} joins members token by token, and the vocabularies of {labels[0]} "
                f"({len(vocabularies[0]):,} tokens) and {label} ({len(vocab):,}) are not the same; "
                "byte_average joins them byte by byte, output_vote by whole answers"
            )


def require_causal(members: Sequence[Model], labels: Sequence[str], method: str) -> None:
    """As `require_one_vocabulary`, and refuse encoder-decoders.

    Raises:
        NotApplicableError: One has an encoder.
    """
    require_one_vocabulary(members, labels, method)
    cores: list[Any] = [core_by_steps(member) for member in members]
    for label, core in zip(labels, cores, strict=True):
        if core.is_seq2seq:
            raise NotApplicableError(
                f"{method} goes on from what was written, which needs decoders, and {label} has "
                "an encoder; average and token_vote work with it"
            )
