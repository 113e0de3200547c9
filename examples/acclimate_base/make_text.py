"""Write the text that acclimate-base learns from: running text, and examples of using a passage.

    python examples/acclimate_base/make_text.py CORPORA_FOLDER OUT_FOLDER

CORPORA_FOLDER holds the sources named in SHARES as NAME.jsonl.xz, one object with a `text` a line.
The docstrings of the installed dependencies come from the environment this runs in.
"""

import json
import lzma
import random
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from acclimate.core.prompt import Example, Passage, Prompt
from acclimate.data.documents.chunking import chunk_document
from acclimate.data.prompt_template import as_text
from acclimate.data.python_packages.api_objects import public_objects
from acclimate.data.python_packages.api_pages import module_pages
from acclimate.data.python_packages.docstrings import installed_docstrings

SHARES = {
    "peps": 8, "cpp_docs": 7, "powershell_docs": 5, "rust_rfcs": 6, "eips": 3, "factbook": 5,
    "sgd_dialogues": 10, "t0_instructions": 10, "eltec_eng": 9, "classic_books": 7, "dc_code": 3,
}  # fmt: skip
"""Megabytes taken of each source: documentation, dialogue, instructions and prose in balance."""
PIECE_CHARS = 4_000
"""Long documents are cut into pieces, so that many documents have a part."""
PACKAGES = ("numpy", "scipy", "sklearn", "pydantic", "jinja2", "rich", "typer", "pyarrow",
            "matplotlib", "tokenizers", "safetensors", "peft", "datasketch", "psutil")  # fmt: skip
"""Dependencies whose own documentation is asked about; none is in the demo's domain."""
COPY_SHARE = 0.35
"""Of the pieces of running text that an example of using a passage is made from."""


def main(corpora: Path, out: Path) -> None:
    """Write `running.jsonl` and `copy_and_answer.jsonl`, and beside them what was installed."""
    rng = random.Random(0)
    out.mkdir(parents=True, exist_ok=True)
    Path(f"{out}.packages.json").write_text(json.dumps(packages()))
    pieces = list(running_text(corpora, rng))
    write(out / "running.jsonl", (text for _, text in pieces))
    write(out / "copy_and_answer.jsonl", examples(pieces, rng))


def running_text(corpora: Path, rng: random.Random) -> Iterator[tuple[str, str]]:
    """Source and text of every piece."""
    for name, megabytes in SHARES.items():
        texts = list(documents(corpora / f"{name}.jsonl.xz"))
        rng.shuffle(texts)
        left = megabytes * 1_000_000
        for text in texts:
            for piece in pieces_of(text):
                if left > 0:
                    yield name, piece
                left -= len(piece)
    for text in installed_docstrings():
        yield "docstrings", text


def packages() -> list[str]:
    """Import names of the packages whose docstrings are in the text."""
    found = metadata.packages_distributions()
    return sorted(name for name in found if not name.startswith("_") and name != "acclimate")


def documents(path: Path) -> Iterator[str]:
    """Texts of a packed file; of instructions, the prompt with its completion."""
    with lzma.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            text = row.get("text") or row["prompt"] + " " + row["completion"]
            yield text.replace("<|endoftext|>", "").strip()


def pieces_of(text: str) -> Iterator[str]:
    """Cut at paragraphs; at most a hundred pieces of one document."""
    piece = ""
    count = 0
    for paragraph in text.split("\n\n"):
        if piece and len(piece) + len(paragraph) > PIECE_CHARS:
            yield piece
            piece, count = "", count + 1
            if count == 100:
                return
        piece = f"{piece}\n\n{paragraph}" if piece else paragraph[: 2 * PIECE_CHARS]
    if piece.strip():
        yield piece


def examples(pieces: list[tuple[str, str]], rng: random.Random) -> Iterator[str]:
    """Prompts as the product lays them out, each with its answer."""
    asked = [*about_text(pieces, rng), *about_objects(rng)]
    rng.shuffle(asked)
    for number, (passage, question, answer) in enumerate(asked):
        num_others = rng.choice([0, 0, 1])
        shown = [passage, *(rng.choice(asked)[0] for _ in range(num_others))]
        rng.shuffle(shown)
        before = ()
        if number % 4 == 0:
            other = asked[rng.randrange(len(asked))]
            before = (Example(other[1], other[2]),)
        prompt = Prompt(question=question, passages=tuple(shown), examples=before)
        yield as_text(prompt) + " " + answer


def about_text(
    pieces: list[tuple[str, str]], rng: random.Random
) -> Iterator[tuple[Passage, str, str]]:
    """What follows some words of a passage; what the value of a key is."""
    for source, text in pieces:
        if rng.random() > COPY_SHARE:
            continue
        words = text.split(" ")
        start = rng.randrange(max(1, len(words) - 90))
        body = " ".join(words[start : start + rng.randint(30, 90)]).strip()
        pairs = re.findall(r"^([A-Z][\w /'-]{3,50}): (\S.{2,80})$", body, re.M)
        sentences = [s for s in re.split(r"(?<=[.!?])\s+", body) if 6 <= len(s.split()) <= 30]
        passage = Passage("", source, body)
        if pairs and rng.random() < 0.7:
            key, value = rng.choice(pairs)
            yield passage, f"What is the {key}?", value
        elif sentences:
            tokens = rng.choice(sentences).split()
            lead = " ".join(tokens[:4])
            if rng.random() < 0.5:
                yield passage, f'What follows "{lead}"?', " ".join(tokens[4:])
            else:
                yield passage, f'Which sentence begins with "{lead}"?', " ".join(tokens)


def about_objects(rng: random.Random) -> Iterator[tuple[Passage, str, str]]:
    """What an object of a package does, and where it is."""
    for package in PACKAGES:
        for page in module_pages(public_objects(package)):
            found = {o.path: o for o in page.objects}
            for passage in chunk_document(page.document, chunk_tokens=96, overlap_tokens=0):
                path = passage.title.split(" > ")[-1].partition("(")[0]
                if path not in found or found[path].summary not in " ".join(passage.text.split()):
                    continue
                yield passage, f"What does {path} do?", found[path].summary
                if rng.random() < 0.2:
                    yield passage, f"Which module has {found[path].name}?", found[path].module


def write(path: Path, texts: Iterator[str]) -> None:
    """One object with a text a line."""
    with path.open("w", encoding="utf-8") as file:
        for text in texts:
            file.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
