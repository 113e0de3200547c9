"""Few-shot demonstrations from the training items, shown before the question."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np

from acclimate.core.domain import TrainData
from acclimate.core.model import Model
from acclimate.core.prompt import Example, Prompt
from acclimate.core.rewriter import PromptRewriter
from acclimate.core.runtime.seeding import derive

Selection = Literal["random", "nearest"]
"""How examples are selected: one draw for all questions, or those most similar to each."""

Pool = dict[str, tuple[Example, ...]]
"""Task name → examples to select from."""


def draw_examples(data: TrainData, num_shots: int, seed: int) -> Pool:
    """The same `num_shots` examples of each task for every question."""
    pool = all_examples(data)
    return {
        task: tuple(
            examples[i]
            for i in np.random.default_rng(derive(seed, "examples", task)).permutation(
                len(examples)
            )[:num_shots]
        )
        for task, examples in pool.items()
    }


def all_examples(data: TrainData) -> Pool:
    """Every training item as an example, by task."""
    return {
        task.name: tuple(Example(i.question, i.target, i.rationale) for i in task.items)
        for task in data.train
    }


@dataclass(frozen=True)
class FewShotModel(PromptRewriter):
    """Adds examples of the question's task to its prompt; other questions stay as they are."""

    kind: ClassVar[str] = "few_shot"

    pool: Pool
    num_shots: int
    selection: Selection
    template: str = ""

    def render(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """The prompts with examples, the most similar or last drawn next to the question."""
        return [
            p.with_parts(examples=self._shown(p), template=self.template or p.template)
            for p in prompts
        ]

    def write(self, folder: Path) -> dict[str, Any]:
        """Write the pool as JSON."""
        pool = {
            task: [[e.question, e.answer, e.rationale] for e in examples]
            for task, examples in self.pool.items()
        }
        (folder / "examples.json").write_text(json.dumps(pool, ensure_ascii=False, indent=1))
        return {
            "num_shots": self.num_shots,
            "selection": self.selection,
            "template": self.template,
        }

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any], children: Mapping[str, Model]) -> Self:
        """Read the pool that `write` saved."""
        saved = json.loads((folder / "examples.json").read_text())
        pool = {task: tuple(Example(*e) for e in rows) for task, rows in saved.items()}
        return cls(children["inner"], pool, **fields)

    def _shown(self, prompt: Prompt) -> tuple[Example, ...]:
        examples = self.pool.get(prompt.task, ())
        if not examples or self.selection == "random":
            return examples[: self.num_shots]
        return self._nearest[prompt.task].to(prompt.query, self.num_shots)

    @cached_property
    def _nearest(self) -> dict[str, "_Nearest"]:
        return {task: _Nearest(examples) for task, examples in self.pool.items() if examples}


class _Nearest:
    """Examples by cosine similarity of TF-IDF character n-grams (Liu et al. 2022, kNN prompts)."""

    def __init__(self, examples: tuple[Example, ...]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        self.examples = examples
        self.vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4))
        self.vectors = self.vectorizer.fit_transform([e.question for e in examples])

    def to(self, question: str, num_shots: int) -> tuple[Example, ...]:
        """The most similar ones, the most similar last: next to the question."""
        similarity = (self.vectors @ self.vectorizer.transform([question]).T).toarray()[:, 0]
        best = np.argsort(-similarity, kind="stable")[:num_shots]
        return tuple(self.examples[i] for i in best[::-1])
