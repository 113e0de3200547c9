"""A model that says its question back, and remembers what it was asked."""

from dataclasses import dataclass, field
from pathlib import Path

from acclimate.core.model import Completion, LogLikelihood, Model
from acclimate.core.runtime.cost import Cost, spend


@dataclass(frozen=True, eq=False)
class Echo(Model):
    """Answers `word question`, or what a table says of the question."""

    word: str = "so"
    table: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)

    def generate(self, prompts, sampling):
        self.asked.append([p.question for p in prompts])
        spend(Cost(prompt_tokens=3 * len(prompts), new_tokens=2 * len(prompts)))
        return [
            Completion(
                text=self.table.get(p.question, f"{self.word} {p.question}"),
                num_prompt_tokens=3,
                num_new_tokens=2,
                usd=0.5,
                logprob=-1.5,
                prompt=f"? {p.question}",
            )
            for p in prompts
        ]

    def stream(self, prompt, sampling):
        (answer,) = self.generate([prompt], sampling)
        for piece in answer.text.split(" "):
            yield piece if answer.text.startswith(piece) else " " + piece
        yield answer

    def loglikelihood(self, pairs):
        return [LogLikelihood(-1.0, 1, len(text)) for _, text in pairs]

    def write(self, folder: Path):
        return {"word": self.word, "table": self.table}

    @classmethod
    def read(cls, folder, fields, children):
        return cls(**fields)
