"""Look-up speculation and cached answers, against answering anew.

Look-up is for answers that quote what retrieval found. acclimate-base seldom does: its answers end
after a dozen tokens, of which reading the prompt takes most of the time, or go round in circles,
which are easy to guess and which nobody wants. So what is asked of look-up is measured on a network
of its shape that quotes, word for word and with a tenth of the vocabulary put otherwise, in answers
of 96 tokens, some four sentences. The base's own answers stand beside it, and freer quotations.
"""

import sys
import time
from functools import cache
from statistics import median
from typing import Any

import torch
from decoding_setting import (
    IS_QUICK,
    conditions,
    embedded,
    in_turn,
    ratio_of,
    verdict,
)
from quoting import quoting

NEEDED_SPECULATION = 1.5
OTHERWISE = ((0.0, "quoted, token for token"), (0.1, "quoted, 1 in 10 otherwise"))
"""Shares of the vocabulary that are not quoted as they are, of which as much is to be gained."""
FREELY = 0.2, "quoted, 1 in 5 otherwise"
"""The same, to be seen only."""
NEEDED_HIT_SECONDS = 0.002
"""Of a hit in the cache of answers, the 99th percentile."""
NUM_ITEMS = 60
NUM_HITS = 200 if IS_QUICK else 2000
NUM_ANSWERS = 4 if IS_QUICK else 24
SPECULATION_NEW = 16 if IS_QUICK else 96


def main() -> int:
    """Print all sections; 1 where one is below what is asked."""
    print(conditions())
    held = [speculation(), prompt_cache()]
    return 0 if all(held) else 1


@cache
def domain() -> Any:
    """Questions with documents to find passages in."""
    from acclimate.tasks.package.python_docs import PythonDocs

    return PythonDocs(num_items=NUM_ITEMS).load()


def questions(num: int) -> list[Any]:
    """Prompts of the domain's test items."""
    return [task.prompt(item) for task in domain().test for item in task.items][:num]


def fitted(base: Any, *recipe: Any) -> Any:
    """A base with methods on it."""
    from acclimate.study.spec import METHODS

    for step in recipe:
        base = METHODS.build(step).fit(base, domain().train_data(), seed=0)
    return base


def speculation() -> bool:
    """Answers with passages, guessed ahead by what stands in them."""
    setting = embedded()
    torch.set_num_threads(setting.num_threads)
    print(f"\nspeculation: hybrid_rag, one by one, at most {SPECULATION_NEW} tokens, plain / ahead")
    asked = questions(NUM_ANSWERS)
    _of_the_base(setting.model, asked)
    held = [
        _ahead(_sides(setting.model, share), label, asked, NEEDED_SPECULATION)
        for share, label in OTHERWISE
    ]
    _ahead(_sides(setting.model, FREELY[0]), FREELY[1], asked)
    return all(held)


def _sides(model: Any, share_otherwise: float | None = None) -> list[Any]:
    """Plain and guessed ahead: the base, or a network like it that quotes."""
    if share_otherwise is not None:
        model = model.with_network(quoting(model.network, share_otherwise))
    return [fitted(model, "hybrid_rag"), fitted(model, "hybrid_rag", "speculative")]


def _of_the_base(model: Any, asked: list[Any]) -> None:
    """Print, to be seen only, what the base gains where its answers end and where they do not."""
    sides = _sides(model)
    is_cut = [sides[0].generate([prompt], _at_most())[0].is_cut for prompt in asked]
    for kind, label in ((False, "the base's, ended"), (True, "the base's, in circles")):
        own = [prompt for prompt, cut in zip(asked, is_cut, strict=True) if cut == kind]
        if own:
            _ahead(sides, label, own)


def _at_most(num_new: int = SPECULATION_NEW) -> Any:
    from acclimate.core.model import Sampling

    return Sampling(max_new_tokens=num_new, stop=("\n\nQuestion:",))


def _ahead(sides: list[Any], label: str, asked: list[Any], needed: float | None = None) -> bool:
    """Print how many times as fast, whole and after the first token; whether it is enough."""

    def answers(model: Any, sampling: Any) -> list[Any]:
        return [model.generate([prompt], sampling)[0] for prompt in asked]

    rounds, (plain, ahead, _) = in_turn(
        lambda: answers(sides[0], _at_most()),
        lambda: answers(sides[1], _at_most()),
        lambda: answers(sides[0], _at_most(1)),
    )
    ratio, is_equal = ratio_of(rounds), [a.text for a in plain] == [a.text for a in ahead]
    after = median((own[0] - own[2]) / (own[1] - own[2]) for own in rounds)
    num_new = sum(answer.num_new_tokens for answer in plain) / len(asked)
    found = f"{ratio:6.2f} x{'' if is_equal else '  OTHER ANSWERS'}"
    print(
        f"  {label:25} {len(asked)} answers of {num_new:.0f} tokens: "
        f"{after:5.2f} x after the first token, "
        f"whole {verdict(ratio, needed, is_equal) if needed else found}",
        flush=True,
    )
    return is_equal and ratio >= (needed or 0)


def prompt_cache() -> bool:
    """How long an answer takes that was given before."""
    from acclimate.core.model import Sampling

    setting = embedded()
    model, asked, sampling = fitted(setting.model, "prompt_cache"), questions(20), Sampling()
    fresh = [model.generate([prompt], sampling)[0].text for prompt in asked]
    times, is_equal = [], True
    for turn in range(NUM_HITS):
        prompt = asked[turn % len(asked)]
        start = time.perf_counter()
        answer = model.generate([prompt], sampling)[0].text
        times.append(time.perf_counter() - start)
        is_equal = is_equal and answer == fresh[turn % len(asked)]
    times.sort()
    late = times[int(0.99 * len(times))]
    holds = is_equal and late < NEEDED_HIT_SECONDS
    print(
        f"\nprompt_cache: {NUM_HITS} hits, median {1e3 * times[len(times) // 2]:.2f} ms, 99th "
        f"percentile {1e3 * late:.2f} ms (below {1e3 * NEEDED_HIT_SECONDS:.0f})  "
        f"{'ok' if holds else 'FAILED'}",
        flush=True,
    )
    return holds


if __name__ == "__main__":
    sys.exit(main())
