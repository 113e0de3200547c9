"""Claim: look-up speculation writes RAG answers 1.5 times as fast, all equal.

acclimate-base is tuned (`full_finetuning`, behind `lexical_rag`) to tell what an object of a Python
library does in the words of the passage that does: the opening of its docstring, one of three
passages that are found. It learns to answer on numpy and most top modules of the standard library,
and is asked of the other top modules; no docstring stands in both. Times are of whole answers,
prompt reading included, one by one. What counts are answers that end by themselves, so that none
that goes round in circles to its limit makes the gain; those that are the reference word for word
stand beside.
"""

import random
import re
import sys
import time
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import cache
from itertools import chain
from statistics import mean, median
from typing import Any

import torch
from decoding_setting import IS_QUICK, NUM_ROUNDS, SEED, conditions, embedded, verdict

from acclimate.core.catalogue import METHODS
from acclimate.core.domain import Document, Item, Task, TrainData
from acclimate.core.model import Completion, Sampling
from acclimate.core.rewriter import unwrap
from acclimate.data.python_packages.api_objects import STDLIB, PublicObject, public_objects

NEEDED = 1.5
PACKAGES = () if IS_QUICK else ("numpy",)
"""Learned from beside the standard library; what acclimate needs anyway."""
TEST_SHARE, DEV_SHARE = 0.15, 0.05
"""Of the standard library's top modules."""
NUM_TEST, NUM_DEV = (8, 8) if IS_QUICK else (100, 48)
MAX_CHARS = 420
"""Of a passage, in whole sentences."""
ANSWER_TOKENS = range(40, 129)
"""Of the answers that are timed; shorter ones are learned too."""
RAG = {"name": "lexical_rag", "num_passages": 3, "chunk_tokens": 128, "overlap_tokens": 0}
TRAINING = {"num_epochs": 0.1 if IS_QUICK else 2, "batch_size": 8}
TUNING = {"name": "full_finetuning", "learning_rate": 1.5e-3, "training": TRAINING}
AT_MOST = Sampling(max_new_tokens=160, stop=())
ONE = Sampling(max_new_tokens=1, stop=())
_NO_PROSE = re.compile(r"---|===|>>>|:param|^\s*[*-] |\.\. ", re.MULTILINE)


def main() -> int:
    """Tune, ask, time; 1 where answers differ or the gain is below what is asked."""
    print(conditions())
    torch.set_num_threads(embedded().num_threads)
    rag = METHODS.build(RAG).fit(embedded().model, domain(), seed=SEED)
    start = time.perf_counter()
    plain = METHODS.build(TUNING).fit(rag, domain(), seed=SEED)
    print(f"tuned on {len(items('train')):,} items in {time.perf_counter() - start:.0f} s")
    ahead = METHODS.build("speculative").fit(plain, domain(), seed=SEED)
    prompts = [task("test").prompt(item) for item in items("test")]
    print_quality(plain, prompts)
    return 0 if is_faster(plain, ahead, prompts) else 1


@cache
def objects() -> dict[str, PublicObject]:
    """By what they say of themselves, no two the same: all that passages are made from."""
    found: dict[str, PublicObject] = {}
    for member in chain.from_iterable(map(public_objects, (STDLIB, *PACKAGES))):
        text = opening(member.doc)
        if member.kind != "module" and len(text) >= 20 and is_prose(text):
            found.setdefault(text, member)
    return found


def opening(doc: str) -> str:
    """The paragraphs before the first list or example, in whole sentences, on one line."""
    kept = []
    for paragraph in re.split(r"\n\s*\n", doc.strip()):
        if _NO_PROSE.search(paragraph):
            break
        kept.append(" ".join(paragraph.split()))
    text = " ".join(kept)
    while len(text) > MAX_CHARS:
        text = text[: text.rfind(". ", 0, -1) + 1]
    return text


def is_prose(text: str) -> bool:
    """Whether nearly all is letters."""
    return mean(letter.isalpha() or letter in " ,.'" for letter in text) > 0.94


@cache
def split_of() -> dict[str, str]:
    """Top module of the standard library → split; packages and the rest of it are learned."""
    own = sorted({found.module.partition(".")[0] for found in public_objects(STDLIB)})
    order = random.Random(SEED).sample(own, len(own))
    num_test, num_dev = (round(share * len(order)) for share in (TEST_SHARE, DEV_SHARE))
    return dict(zip(order, ["test"] * num_test + ["dev"] * num_dev, strict=False))


@cache
def items(split: str) -> tuple[Item, ...]:
    """What the objects of a split do, in the words of their docstrings."""
    most = {"test": NUM_TEST, "dev": NUM_DEV, "train": len(objects())}[split]
    lengths = range(1 if split == "train" else ANSWER_TOKENS.start, ANSWER_TOKENS.stop)
    found = [
        Item(id=member.path, question=f"What does {member.path} do?", target=text)
        for text, member in objects().items()
        if split_of().get(member.module.partition(".")[0], "train") == split
        and len(tokens(text)) in lengths
    ]
    return tuple(random.Random(SEED).sample(found, min(most, len(found))))


def tokens(text: str) -> list[int]:
    """Token ids of the base."""
    ids: list[int] = embedded().model.tokenizer(text)["input_ids"]
    return ids


@cache
def domain() -> TrainData:
    """All but the test's items; documents of all."""
    documents = tuple(
        Document(id=str(number), title=member.path, text=text)
        for number, (text, member) in enumerate(objects().items())
    )
    return TrainData(train=(task("train"),), dev=(task("dev"),), documents=documents)


def task(split: str) -> Task:
    """The questions of a split."""
    most = AT_MOST.max_new_tokens
    return Task(name="tell", metrics=(), max_new_tokens=most, stop=(), items=items(split))


def print_quality(model: Any, prompts: Sequence[Any]) -> None:
    """How well it answers in the words of the passage."""
    wanted, shown = [item.target for item in items("test")], unwrap(model).render(prompts)
    is_found = [text in {p.text for p in p.passages} for text, p in zip(wanted, shown, strict=True)]
    answers = model.generate(prompts, AT_MOST)
    pairs = [(tokens(a.text.strip()), tokens(b)) for a, b in zip(answers, wanted, strict=True)]
    num_wanted = sum(len(b) for _, b in pairs)
    in_place = sum(x == y for a, b in pairs for x, y in zip(a, b, strict=False))
    alike = [SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks() for a, b in pairs]
    in_order = sum(block.size for blocks in alike for block in blocks)
    print(
        f"{len(answers)} held-out questions, whose right passage is found: {mean(is_found):.2f}\n"
        f"answers that end by themselves: {mean(not a.is_cut for a in answers):.2f}; word for word "
        f"the reference: {mean(a == b for a, b in pairs):.2f}; of the reference's tokens, in "
        f"their place: {in_place / num_wanted:.2f}, in their order: {in_order / num_wanted:.2f}"
    )


def is_faster(plain: Any, ahead: Any, prompts: Sequence[Any]) -> bool:
    """Print how many times as fast; whether answers that end are enough so, and all are equal."""
    own, other = ([model.generate([p], AT_MOST)[0] for p in prompts] for model in (plain, ahead))
    rounds = list(timed(prompts, ((plain, AT_MOST), (ahead, AT_MOST), (plain, ONE))))
    line("all", own, rounds, range(len(own)))
    same = [a.text.strip() == item.target for a, item in zip(own, items("test"), strict=True)]
    line("word for word", own, rounds, [place for place, is_same in enumerate(same) if is_same])
    gain = line("that end", own, rounds, [place for place, a in enumerate(own) if not a.is_cut])
    print(verdict(gain, NEEDED, own == other))
    return own == other and gain >= NEEDED


def timed(prompts: Sequence[Any], sides: Sequence[Any]) -> Iterator[list[list[float]]]:
    """Seconds of each prompt on each side; sides take turns at every prompt."""
    for number in range(NUM_ROUNDS):
        rows = []
        for prompt in prompts:
            row = [0.0] * len(sides)
            for place in range(len(sides))[:: -1 if number % 2 else 1]:
                model, sampling = sides[place]
                start = time.perf_counter()
                model.generate([prompt], sampling)
                row[place] = time.perf_counter() - start
            rows.append(row)
        yield rows


def line(label: str, answers: list[Completion], rounds: Any, places: Sequence[int]) -> float:
    """Print and give the median round's gain over those answers."""
    if not places:
        return 0.0
    sums = [[sum(rows[p][side] for p in places) for side in range(3)] for rows in rounds]
    ratios = sorted(row[0] / row[1] for row in sums)
    num_new = mean(answers[p].num_new_tokens for p in places)
    reading = median(row[2] / row[0] for row in sums)
    print(
        f"  {label:13} {len(places)} answers of {num_new:.0f} tokens: {median(ratios):.2f} x "
        f"({ratios[0]:.2f} to {ratios[-1]:.2f}); without, {reading:.0%} of the time is reading",
        flush=True,
    )
    return median(ratios)


if __name__ == "__main__":
    sys.exit(main())
