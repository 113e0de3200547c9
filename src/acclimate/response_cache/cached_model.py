"""A model that keeps its answers and gives them again to prompts that are alike."""

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

from acclimate.core.home import home
from acclimate.core.model import Completion, Model, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.provenance import provenance_of
from acclimate.core.record import digest
from acclimate.core.rewriter import PromptRewriter
from acclimate.core.runtime.cache_bypass import is_bypassed
from acclimate.core.runtime.fit_log import log_mean
from acclimate.core.source_code.object_modules import modules_of
from acclimate.response_cache.lookup import AnswerLookup, LookupResult
from acclimate.response_cache.model_identity import identity_of
from acclimate.response_cache.similarity import PromptSimilarity
from acclimate.response_cache.sqlite_store import AnswerStore, CachedAnswer

_FILE = "answers.sqlite"
"""In the user's cache folder: answers of all models, told apart by their keys."""
SAVED_ANSWERS = "answers.jsonl"
"""In the folder of a saved model that brings its answers."""


@dataclass(frozen=True)
class CachePolicy:
    """Which answers are kept, and how long."""

    max_bytes: int
    """Of the answers of all models together; those unused for longest go. 0: none is kept."""
    max_age_seconds: float
    is_sampled_kept: bool
    """Whether answers that were drawn at random are kept too."""
    is_saved: bool
    """Whether a saved model brings its answers."""

    def covers(self, sampling: Sampling) -> bool:
        """Whether an answer asked for so is kept."""
        return self.is_sampled_kept or sampling.temperature == 0


@dataclass(frozen=True, eq=False)
class CachedModel(PromptRewriter):
    """Asks the model inside only what it has not answered before.

    An answer given again spends nothing, and all tokens of its prompt count as cached. Weights
    that change in place behind it are not noticed. Choices are weighed anew each time.
    """

    kind: ClassVar[str] = "response_cache"

    keeping: CachePolicy
    likeness: PromptSimilarity | None = None
    """Of prompts that may share an answer; None: they must be the same."""
    brought: tuple[CachedAnswer, ...] = field(default=(), repr=False)
    """Answers that came with the model."""

    def render(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """As they are."""
        return list(prompts)

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """Answer what is new in one call of the model inside, the rest from before."""
        if not self.keeping.covers(sampling):
            return self.inner.generate(prompts, sampling)
        shelf = self._shelf
        keys = self._keys(shelf, prompts, sampling)
        asked = dict(zip(keys, prompts, strict=True))
        found = shelf.find(asked, sampling)
        new = {key: prompt for key, prompt in asked.items() if found.is_new(key)}
        answers = self.inner.generate(list(new.values()), sampling) if new else []
        shelf.keep(dict(zip(new, answers, strict=True)), found)
        _tell(keys, len(new), found)
        given = []
        for key in keys:
            answer = found.held[found.alike.get(key, key)]
            given.append(_again(answer) if new.pop(key, None) is None else answer)
        return given

    def stream(self, prompt: Prompt, sampling: Sampling) -> Iterator[str | Completion]:
        """A kept answer in one piece, a new one as it is written."""
        if not self.keeping.covers(sampling):
            yield from self.inner.stream(prompt, sampling)
            return
        shelf = self._shelf
        (key,) = self._keys(shelf, [prompt], sampling)
        found = shelf.find({key: prompt}, sampling)
        is_new = found.is_new(key)
        _tell([key], is_new, found)
        if not is_new:
            answer = _again(found.held[found.alike.get(key, key)])
            yield answer.text
            yield answer
            return
        for piece in self.inner.stream(prompt, sampling):
            if isinstance(piece, Completion):
                shelf.keep({key: piece}, found)
            yield piece

    def write(self, folder: Path) -> dict[str, Any]:
        """How it keeps and finds answers; the answers too if it is told to."""
        fields: dict[str, Any] = {"keeping": asdict(self.keeping)}
        if self.likeness is not None:
            fields["likeness"] = self.likeness.write(folder)
        if self.keeping.is_saved:
            kept = self._store.of_model(self._kept_shelf.model)
            lines = [json.dumps(_as_json(one)) + "\n" for one in kept]
            (folder / SAVED_ANSWERS).write_text("".join(lines), encoding="utf-8")
        return fields

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any], children: Mapping[str, Model]) -> Self:
        """Rebuild it, with the answers that it brings."""
        told, file = fields.get("likeness"), folder / SAVED_ANSWERS
        lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
        return cls(
            children["inner"],
            CachePolicy(**fields["keeping"]),
            PromptSimilarity.read(folder, told) if told else None,
            tuple(_from_json(json.loads(line)) for line in lines),
        )

    @cached_property
    def _store(self) -> AnswerStore:
        store = AnswerStore(home() / _FILE, self.keeping.max_bytes)
        if self.brought:
            store.put(self.brought)
        return store

    @cached_property
    def _kept_shelf(self) -> AnswerLookup:
        age = self.keeping.max_age_seconds
        # What finds answers counts too: other code may hold other prompts for alike.
        finder = provenance_of(modules_of((type(self), self.likeness)))
        model = digest([identity_of(self.inner), finder])
        return AnswerLookup(self._store, model, age, self.likeness)

    @property
    def _shelf(self) -> AnswerLookup:
        """Of all answers kept; of this call alone, where none may be kept."""
        if is_bypassed() or not self.keeping.max_bytes:
            return AnswerLookup(None, "", self.keeping.max_age_seconds, self.likeness)
        return self._kept_shelf

    @cached_property
    def _knows_items(self) -> bool:
        return self.inner.answerable_items is not None

    def _keys(
        self, shelf: AnswerLookup, prompts: Sequence[Prompt], sampling: Sampling
    ) -> list[bytes]:
        """Of each prompt; of the same one drawn several times at once, each draw has its own."""
        asked = f"{shelf.model}\n{sampling.model_dump_json()}\n"
        met: Counter[str] = Counter()
        keys = []
        for prompt in prompts:
            # An item's id is for messages, but where a table is looked up or a layout shows it.
            has_id = self._knows_items or "item_id" in prompt.template
            text = repr(prompt if has_id else prompt.with_parts(item_id=""))
            draw = met[text] if sampling.temperature else 0
            met[text] += 1
            keys.append(hashlib.sha256(f"{asked}{draw}\n{text}".encode()).digest())
        return keys


def _again(answer: Completion) -> Completion:
    """An answer given once more: nothing was read for it, and nobody is paid."""
    usd = None if answer.usd is None else 0.0
    return replace(answer, num_cached_tokens=answer.num_prompt_tokens, usd=usd)


def _tell(keys: Sequence[bytes], num_new: int, found: LookupResult) -> None:
    num_alike = sum(key in found.alike for key in keys)
    log_mean("answered from the response cache, share of prompts", len(keys) - num_new, len(keys))
    log_mean("answered as a prompt like it was, share of prompts", num_alike, len(keys))


def _as_json(kept: CachedAnswer) -> dict[str, str]:
    return {
        "key": kept.key.hex(),
        "model": kept.model,
        "scope": kept.scope.hex(),
        "vector": base64.b64encode(kept.vector).decode(),
        "answer": kept.answer.decode(),
    }


def _from_json(told: Mapping[str, str]) -> CachedAnswer:
    key, scope = bytes.fromhex(told["key"]), bytes.fromhex(told["scope"])
    vector = base64.b64decode(told["vector"])
    return CachedAnswer(key, told["model"], scope, vector, told["answer"].encode())
