"""Megabytes a second of cleaning, deduplicating and tokenizing a corpus."""

import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from acclimate.data.corpus.build import build_corpus
from acclimate.data.corpus.clean import clean_batch, repaired
from acclimate.data.corpus.dedup.find_duplicates import find_duplicates
from acclimate.data.corpus.dedup.minhash import NUM_HASHES, SHINGLE_WORDS, signature
from acclimate.data.corpus.filters.word_counts import WordReader
from acclimate.data.corpus.ordered_pool import num_processors
from acclimate.data.corpus.read_documents import RawDocument
from acclimate.data.corpus.settings import CorpusSettings
from acclimate.data.shards.reader import write_shards
from acclimate.study.environment import hardware

NUM_DOCUMENTS, MEAN_WORDS, NUM_WORDS = 8_000, 450, 30_000
NEAR_SHARE, ACCENT_SHARE = 0.1, 0.3
"""Documents that are an earlier one with a word changed; documents with characters of no ASCII."""
NEEDED_MB_PER_SECOND = 5.0
"""Cleaning, signatures included, in one process."""
NUM_ROUNDS = 3
VOCAB_SIZE = 8_192
SETTINGS = CorpusSettings()


def main() -> int:
    """Print the table; 1 where the claim does not hold."""
    texts = make_texts(np.random.default_rng(0))
    num_mb = sum(len(text.encode()) for text in texts) / 1e6
    print(conditions(len(texts), num_mb))
    print(f"{'stage':<28}{'MB/s':>8}   {'peer':<28}{'MB/s':>8}{'ratio':>8}")
    raws = [RawDocument(str(n), str(n), "", "plain", text) for n, text in enumerate(texts)]
    cleaning = best(lambda: clean_batch(raws, SETTINGS, is_alone=False))
    show("repairing", num_mb, best(lambda: [*map(repaired, texts)]), "ftfy.fix_text", fixed(texts))
    show("cleaning (all but markup)", num_mb, cleaning)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        ours, theirs = best(lambda: deduplicate(texts, folder)), best(lambda: index(texts))
        show("deduplicating", num_mb, ours, "datasketch.MinHashLSH", theirs)
        tokenizer = make_tokenizer(texts)
        ours, theirs = both(
            lambda: write_shards(texts, tokenizer, folder / "shards"), lambda: tokenizer(texts)
        )
        show("tokenizing, all", num_mb, ours, "tokenizer(texts)", theirs)
        show(f"whole step, all {num_processors()}", num_mb, whole(texts, folder))
    holds = num_mb / cleaning >= NEEDED_MB_PER_SECOND
    print(
        f"{'holds' if holds else 'FAILED'}: cleaning at least {NEEDED_MB_PER_SECOND:.0f} MB/s in "
        "one process"
    )
    return 0 if holds else 1


def conditions(count: int, num_mb: float) -> str:
    """What this was measured with."""
    named = ("datasketch", "ftfy", "tokenizers", "transformers", "numpy")
    return (
        f"{hardware()}, Python {platform.python_version()}, "
        f"{', '.join(f'{name} {version(name)}' for name in named)}\n{count} documents, "
        f"{num_mb:.1f} MB; best of {NUM_ROUNDS}; time of one processor, but by the clock where it "
        "says all"
    )


def make_texts(rng: np.random.Generator) -> list[str]:
    """Sentences of made-up words, as frequent as words are, among them near-duplicates."""
    syllables = [a + b for a in "bcdfghklmnprstvw" for b in ("a", "e", "i", "o", "u", "er", "on")]
    long = ["".join(rng.choice(syllables, rng.integers(1, 5))) for _ in range(NUM_WORDS)]
    words = np.array(["the", "of", "and", "to", "that", "have", "with", "be", *long])
    shares = 1 / (np.arange(len(words)) + 2.7)  # Zipf's law as Mandelbrot has it
    shares /= shares.sum()
    texts: list[str] = []
    for size in rng.poisson(MEAN_WORDS, NUM_DOCUMENTS):
        if texts and rng.random() < NEAR_SHARE:
            again = texts[rng.integers(len(texts))].split(" ")
            again[rng.integers(len(again))] = "changed"
            texts.append(" ".join(again))
        else:
            texts.append(sentences(rng.choice(words, size, p=shares).tolist(), rng))
    return texts


def sentences(words: list[str], rng: np.random.Generator) -> str:
    """Words with full stops, line breaks, and in some texts quotation marks and accents."""
    for place in range(12, len(words), 12):
        words[place] += ".\n" if place % 60 == 0 else "."
    text = " ".join(words)
    if rng.random() < ACCENT_SHARE:
        text = text.replace(" ba", " \N{LEFT DOUBLE QUOTATION MARK}bé")
    return text


def deduplicate(texts: Sequence[str], folder: Path) -> int:
    """Ours: signatures to a file, bands sorted one at a time."""
    reader = WordReader()
    with (folder / "signatures").open("wb") as file:
        for text in texts:
            file.write(signature(reader.read(text)).tobytes())
    contents = np.arange(len(texts), dtype=np.uint64)
    found = find_duplicates(contents, folder / "signatures", SETTINGS.near_duplicate)
    return int(found.is_kept.sum())


def index(texts: Sequence[str]) -> int:
    """The peer as its documentation shows it, with an index in memory."""
    from datasketch import MinHash, MinHashLSH

    lsh = MinHashLSH(threshold=SETTINGS.near_duplicate, num_perm=NUM_HASHES)
    num_kept = 0
    for number, text in enumerate(texts):
        words = text.casefold().split()
        sketch = MinHash(num_perm=NUM_HASHES)
        starts = range(max(1, len(words) - SHINGLE_WORDS + 1))
        sketch.update_batch([" ".join(words[i : i + SHINGLE_WORDS]).encode() for i in starts])
        if not lsh.query(sketch):
            lsh.insert(number, sketch)
            num_kept += 1
    return num_kept


def fixed(texts: Sequence[str]) -> float:
    """Seconds that ftfy takes with the same wishes."""
    from ftfy import TextFixerConfig, fix_text

    config = TextFixerConfig(
        unescape_html=False, uncurl_quotes=False, fix_latin_ligatures=False,
        fix_character_width=False,
    )  # fmt: skip
    return best(lambda: [fix_text(text, config) for text in texts])


def whole(texts: Sequence[str], folder: Path) -> float:
    """Seconds from a JSONL file to three splits, in as many processes as there are processors."""
    path = folder / "raw.jsonl"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": text}) + "\n" for text in texts)
    start = time.perf_counter()
    build_corpus([path], SETTINGS, folder / "corpus")
    return time.perf_counter() - start


def make_tokenizer(texts: Sequence[str]) -> Any:
    """A byte-level BPE tokenizer trained on some of the texts."""
    import transformers
    from tokenizers import ByteLevelBPETokenizer, Tokenizer

    bpe = ByteLevelBPETokenizer()
    special = ["<|end|>"]
    bpe.train_from_iterator(texts[:1000], VOCAB_SIZE, special_tokens=special, show_progress=False)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(bpe.to_str()), eos_token=special[0]
    )


def best(run: Callable[[], object]) -> float:
    """Seconds of one processor, in the quickest of some runs."""
    return min(timed(run, time.process_time) for _ in range(NUM_ROUNDS))


def both(one: Callable[[], object], other: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock of the quickest run of each, by turns."""
    pairs = [(timed(one), timed(other)) for _ in range(NUM_ROUNDS)]
    return min(a for a, _ in pairs), min(b for _, b in pairs)


def timed(run: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of one run."""
    start = clock()
    run()
    return clock() - start


def show(stage: str, num_mb: float, seconds: float, peer: str = "", theirs: float = 0.0) -> None:
    """Print a line of the table."""
    compared = f"   {peer:<28}{num_mb / theirs:>8.1f}{theirs / seconds:>7.1f}x" if peer else ""
    print(f"{stage:<28}{num_mb / seconds:>8.1f}{compared}", flush=True)


if __name__ == "__main__":
    os.environ["HF_HUB_OFFLINE"] = "1"
    sys.exit(main())
