"""Weighed choices as probabilities and back, a question's pairs together."""

import math
from collections.abc import Callable, Sequence

from acclimate.core.model import LogLikelihood, Pair
from acclimate.core.prompt import Passage, Prompt

Question = tuple[Prompt, tuple[str, ...]]
"""A prompt with the different continuations to choose from."""
Weigh = Callable[[Sequence[Question]], Sequence[Sequence[LogLikelihood]]]
"""Weighs each question's continuations, in order."""


def probabilities(weighed: Sequence[LogLikelihood]) -> list[float]:
    """Softmax over choices of log-likelihood a byte times the choices' mean bytes.

    `p_i = exp(b * l_i / b_i) / sum_j exp(b * l_j / b_j)` with log-likelihood `l` in nats, `b_i`
    UTF-8 bytes of choice i and `b` their mean.
    """
    mean = sum(max(1, w.num_bytes) for w in weighed) / len(weighed)
    logits = [mean * w.per_byte for w in weighed]
    top = max(logits)
    powers = [math.exp(logit - top) for logit in logits]
    mass = sum(powers)
    return [power / mass for power in powers]


def weighed_as(
    shares: Sequence[float], texts: Sequence[str], passages: tuple[Passage, ...] = ()
) -> list[LogLikelihood]:
    """Log-likelihoods whose `probabilities` are these; the inverse of that function.

    `l_i = b_i / b * ln p_i`: the choice with the largest share is then also the likeliest a byte,
    whatever the choices' lengths. A choice counts as one token.

    Args:
        shares: Above 0, with sum 1.
        texts: The choices, in the same order.
        passages: What the answer rests on.
    """
    sizes = [len(text.encode()) for text in texts]
    mean = sum(max(1, size) for size in sizes) / len(sizes)
    return [
        LogLikelihood(max(1, size) / mean * math.log(share), 1, size, passages)
        for share, size in zip(shares, sizes, strict=True)
    ]


def by_question(pairs: Sequence[Pair], alone: Weigh, among: Weigh) -> list[LogLikelihood]:
    """Weigh pairs by prompt, and put the results in the pairs' order.

    Args:
        pairs: Prompts with continuations; those of one prompt need not stand together.
        alone: Weighs the prompts that have one continuation, as running text has.
        among: Weighs those that have several.
    """
    texts_of: dict[Prompt, dict[str, None]] = {}
    for prompt, text in pairs:
        texts_of.setdefault(prompt, {})[text] = None
    results: dict[Prompt, dict[str, LogLikelihood]] = {}
    for weigh, is_choice in ((alone, False), (among, True)):
        questions = [
            (p, tuple(texts)) for p, texts in texts_of.items() if (len(texts) > 1) == is_choice
        ]
        for (prompt, texts), weighed in zip(
            questions, weigh(questions) if questions else (), strict=True
        ):
            results[prompt] = dict(zip(texts, weighed, strict=True))
    return [results[prompt][text] for prompt, text in pairs]
