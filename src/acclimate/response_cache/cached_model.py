"""A model with a response cache for equal or similar prompts."""

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
"""In the user's cache folder: answers of all models, each under its own key."""
SAVED_ANSWERS = "answers.jsonl"
"""In the folder of a saved model that includes its answers."""


@dataclass(frozen=True)
class CachePolicy:
    """Which answers are cached, and how long."""

    max_bytes: int
    """Of the answers of all models together; the least recently used are evicted. 0: no cache."""
    max_age_seconds: float
    is_sampled_kept: bool
    """Whether answers that were sampled at random are cached too."""
    is_saved: bool
    """Whether a saved model includes its answers."""

    def covers(self, sampling: Sampling) -> bool:
        """Whether answers with this sampling are cached."""
        return self.is_sampled_kept or sampling.temperature == 0


@dataclass(frozen=True, eq=False)
class CachedModel(PromptRewriter):
    """Answers from the cache, and asks the model inside for the rest.

    A cached answer spends nothing, and all tokens of its prompt count as cached. Weights that
    change in place behind it are not noticed. Log-likelihoods are not cached.
    """

    kind: ClassVar[str] = "response_cache"

    policy: CachePolicy
    similarity: PromptSimilarity | None = None
    """Of prompts that may share an answer; None: they must be equal."""
    saved_answers: tuple[CachedAnswer, ...] = field(default=(), repr=False)
    """Answers that were loaded with the model."""

    def render(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """The prompts unchanged."""
        return list(prompts)

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """Answer new prompts in one call of the model inside, the rest from the cache."""
        if not self.policy.covers(sampling):
            return self.inner.generate(prompts, sampling)
        lookup = self._lookup
        keys = self._keys(lookup, prompts, sampling)
        prompts_by_key = dict(zip(keys, prompts, strict=True))
        result = lookup.find(prompts_by_key, sampling)
        new = {key: prompt for key, prompt in prompts_by_key.items() if result.is_new(key)}
        answers = self.inner.generate(list(new.values()), sampling) if new else []
        lookup.keep(dict(zip(new, answers, strict=True)), result)
        _log_hits(keys, len(new), result)
        completions = []
        for key in keys:
            answer = result.answers[result.similar.get(key, key)]
            completions.append(_again(answer) if new.pop(key, None) is None else answer)
        return completions

    def stream(self, prompt: Prompt, sampling: Sampling) -> Iterator[str | Completion]:
        """A cached answer in one piece, a new one as it is generated."""
        if not self.policy.covers(sampling):
            yield from self.inner.stream(prompt, sampling)
            return
        lookup = self._lookup
        (key,) = self._keys(lookup, [prompt], sampling)
        result = lookup.find({key: prompt}, sampling)
        is_new = result.is_new(key)
        _log_hits([key], is_new, result)
        if not is_new:
            answer = _again(result.answers[result.similar.get(key, key)])
            yield answer.text
            yield answer
            return
        for piece in self.inner.stream(prompt, sampling):
            if isinstance(piece, Completion):
                lookup.keep({key: piece}, result)
            yield piece

    def write(self, folder: Path) -> dict[str, Any]:
        """Save policy and similarity; with `is_saved` the cached answers too."""
        # The keys are those of models that are saved already.
        fields: dict[str, Any] = {"keeping": asdict(self.policy)}
        if self.similarity is not None:
            fields["likeness"] = self.similarity.write(folder)
        if self.policy.is_saved:
            answers = self._store.of_model(self._stored_lookup.model)
            lines = [json.dumps(_as_json(one)) + "\n" for one in answers]
            (folder / SAVED_ANSWERS).write_text("".join(lines), encoding="utf-8")
        return fields

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any], children: Mapping[str, Model]) -> Self:
        """Rebuild it, with the answers that were saved."""
        similarity_fields, file = fields.get("likeness"), folder / SAVED_ANSWERS
        lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
        return cls(
            children["inner"],
            CachePolicy(**fields["keeping"]),
            PromptSimilarity.read(folder, similarity_fields) if similarity_fields else None,
            tuple(_from_json(json.loads(line)) for line in lines),
        )

    @cached_property
    def _store(self) -> AnswerStore:
        store = AnswerStore(home() / _FILE, self.policy.max_bytes)
        if self.saved_answers:
            store.put(self.saved_answers)
        return store

    @cached_property
    def _stored_lookup(self) -> AnswerLookup:
        age = self.policy.max_age_seconds
        # What finds answers counts too: other code may hold other prompts for alike.
        finder = provenance_of(modules_of((type(self), self.similarity)))
        model = digest([identity_of(self.inner), finder])
        return AnswerLookup(self._store, model, age, self.similarity)

    @property
    def _lookup(self) -> AnswerLookup:
        """Lookup in the store; where none may be cached, in the answers of this call alone."""
        if is_bypassed() or not self.policy.max_bytes:
            return AnswerLookup(None, "", self.policy.max_age_seconds, self.similarity)
        return self._stored_lookup

    @cached_property
    def _knows_items(self) -> bool:
        return self.inner.answerable_items is not None

    def _keys(
        self, lookup: AnswerLookup, prompts: Sequence[Prompt], sampling: Sampling
    ) -> list[bytes]:
        """The key of each prompt; equal prompts sampled together have a key for each sample."""
        request = f"{lookup.model}\n{sampling.model_dump_json()}\n"
        counts: Counter[str] = Counter()
        keys = []
        for prompt in prompts:
            # The item's id is for messages, unless the model looks it up or the template shows it.
            has_id = self._knows_items or "item_id" in prompt.template
            text = repr(prompt if has_id else prompt.with_parts(item_id=""))
            sample = counts[text] if sampling.temperature else 0
            counts[text] += 1
            keys.append(hashlib.sha256(f"{request}{sample}\n{text}".encode()).digest())
        return keys


def _again(answer: Completion) -> Completion:
    """A cached answer as returned: all tokens of its prompt count as cached, and it is free."""
    usd = None if answer.usd is None else 0.0
    return replace(answer, num_cached_tokens=answer.num_prompt_tokens, usd=usd)


def _log_hits(keys: Sequence[bytes], num_new: int, result: LookupResult) -> None:
    num_alike = sum(key in result.similar for key in keys)
    log_mean("answered from the response cache, share of prompts", len(keys) - num_new, len(keys))
    log_mean("answered as a prompt like it was, share of prompts", num_alike, len(keys))


def _as_json(cached: CachedAnswer) -> dict[str, str]:
    return {
        "key": cached.key.hex(),
        "model": cached.model,
        "scope": cached.scope.hex(),
        "vector": base64.b64encode(cached.vector).decode(),
        "answer": cached.answer.decode(),
    }


def _from_json(fields: Mapping[str, str]) -> CachedAnswer:
    key, scope = bytes.fromhex(fields["key"]), bytes.fromhex(fields["scope"])
    vector = base64.b64decode(fields["vector"])
    return CachedAnswer(key, fields["model"], scope, vector, fields["answer"].encode())
