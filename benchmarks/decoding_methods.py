"""Look-up speculation, and whole answers from the cache, against answering anew."""

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

NEEDED_SPECULATION = 1.5
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


def quotations(num: int) -> list[Any]:
    """Prompts that ask what follows some words of a page: the base learned to copy it."""
    from acclimate.core.prompt import Prompt

    found = []
    for page in domain().documents:
        parts = [part.split() for part in page.text.split("\n\n")]
        prose = [words for words in parts if 30 < len(words) < 70 and words[0].isalpha()]
        found += [Prompt(f'What follows "{" ".join(words[:6])}"?') for words in prose[:1]]
    return found[:num]


def speculation() -> bool:
    """Answers with passages, guessed ahead by what stands in them."""
    setting = embedded()
    torch.set_num_threads(setting.num_threads)
    base = fitted(setting.model, "hybrid_rag")
    guessing = fitted(setting.model, "hybrid_rag", "speculative")
    print(f"\nspeculation: hybrid_rag, one by one, at most {SPECULATION_NEW} tokens, plain / ahead")
    _ahead(base, guessing, "questions of the domain", questions(NUM_ANSWERS))
    return _ahead(base, guessing, "quotations from pages", quotations(NUM_ANSWERS))


def _ahead(base: Any, guessing: Any, label: str, asked: list[Any]) -> bool:
    """Print how many times as fast, whole and after the first token; whether it is enough."""
    from acclimate.core.model import Sampling

    whole = Sampling(max_new_tokens=SPECULATION_NEW, stop=("\n\n",))
    first = whole.model_copy(update={"max_new_tokens": 1})

    def answers(model: Any, sampling: Sampling) -> list[Any]:
        return [model.generate([prompt], sampling)[0] for prompt in asked]

    rounds, (plain, ahead, _) = in_turn(
        lambda: answers(base, whole),
        lambda: answers(guessing, whole),
        lambda: answers(base, first),
    )
    ratio, is_equal = ratio_of(rounds), [a.text for a in plain] == [a.text for a in ahead]
    after = median((own[0] - own[2]) / (own[1] - own[2]) for own in rounds)
    num_new = sum(answer.num_new_tokens for answer in plain) / len(asked)
    print(
        f"  {label:24} {len(asked)} answers of {num_new:.0f} tokens: "
        f"{after:5.2f} x after the first token, "
        f"whole {verdict(ratio, NEEDED_SPECULATION, is_equal)}",
        flush=True,
    )
    return ratio >= NEEDED_SPECULATION and is_equal


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
