"""A small real study on disk: a domain folder, a tiny base, recipes that share prefixes."""

import json
import os
from pathlib import Path

from acclimate.study.spec import StudySpec, make_spec

COLOURS = ("red", "green", "blue", "white")


def write_domain(folder: Path, *, has_documents: bool = True) -> Path:
    """A domain folder of colours: documents, two tasks, every split and a control set."""
    (folder / "documents").mkdir(parents=True)
    names = [f"bird{i}" for i in range(40)]
    for i, name in enumerate(names if has_documents else ()):
        text = f"# {name}\n\nThe {name} is {COLOURS[i % 4]}.\n"
        (folder / "documents" / f"{name}.md").write_text(text)
    cuts = {"train": names[:24], "dev": names[24:30], "test": names[30:38]}
    for split, own in cuts.items():
        rows = [row for name in own for row in _rows(name, COLOURS[names.index(name) % 4])]
        if not has_documents:
            rows = [{k: v for k, v in row.items() if k != "sources"} for row in rows]
        _write(folder / f"{split}.jsonl", rows)
    control = [{"text": f"The sea is wide and deep, and ship {i} sails on it."} for i in range(3)]
    _write(folder / "control.jsonl", control)
    (folder / "domain.yaml").write_text(
        "name: birds\n"
        "tasks:\n"
        "  colour: {metric: choice_accuracy}\n"
        "  say: {metric: exact_match, max_new_tokens: 4}\n"
    )
    return folder


def spec_of(domain: Path, base: Path, **changed) -> StudySpec:
    """Eight recipes with shared prefixes, one seed, one short epoch."""
    lora = {"name": "lora", "rank": 2, "learning_rate": 1e-2, "training": {"num_epochs": 1}}
    fields = {
        "domain": str(domain),
        "base": str(base),
        "seeds": [0],
        "recipes": ["few_shot", "lexical_rag", lora, [lora, "lexical_rag"], ["lexical_rag", lora]],
    }
    return make_spec({**fields, **changed}, "test study")


def run_here(domain: Path, base: Path, home: Path, out: Path) -> None:
    """Run the study in this process, on one thread, with a store of its own."""
    os.environ["ACCLIMATE_HOME"] = str(home)
    import torch

    from acclimate.study.run import run_study

    torch.set_num_threads(1)
    run_study(spec_of(domain, base), out)


def _rows(name: str, colour: str) -> list[dict]:
    common = {"group": name, "sources": [f"{name}.md"]}
    return [
        {
            **common,
            "task": "colour",
            "id": f"colour-{name}",
            "question": f"Which colour has {name}?",
            "answer": colour,
            "choices": list(COLOURS),
        },
        {
            **common,
            "task": "say",
            "id": f"say-{name}",
            "question": f"Say {name}.",
            "answer": name,
        },
    ]


def _write(path: Path, rows: list[dict]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
