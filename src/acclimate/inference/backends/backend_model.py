"""A model that answers through a faster engine, else by our own loop."""

import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Self

from acclimate.core.errors import BackendError, NotApplicableError
from acclimate.core.model import Completion, LogLikelihood, Model, Pair, Sampling
from acclimate.core.prompt import Prompt
from acclimate.core.rewriter import unwrap
from acclimate.core.runtime.cost import Cost, spend
from acclimate.core.runtime.progress import notify
from acclimate.core.runtime.silence import silenced
from acclimate.data.tokenizers.chat_template import stop_ids
from acclimate.inference.backends.batch_queue import BatchQueue, EngineRequest
from acclimate.inference.backends.conversion_cache import converted
from acclimate.inference.backends.interface import BACKENDS, Backend
from acclimate.inference.base_identity import identity
from acclimate.inference.local_model import LocalModel
from acclimate.inference.stop_strings import IncrementalDetokenizer, StopCondition

# MERGED decoding/wanted.py: A greedy answer that is wanted of an engine, from its prompt on.


def ends_of(model: LocalModel) -> frozenset[int]:
    """Tokens that end its answers."""
    return stop_ids(model.network, model.tokenizer)


class BackendRequest:
    """A prompt as the engine is asked it, and its answer."""

    def __init__(
        self,
        model: LocalModel,
        prompt: Prompt,
        sampling: Sampling,
        news: SimpleQueue[int | None] | None = None,
    ) -> None:
        layout, most = model.prompt_tokenizer, sampling.max_new_tokens
        self.model = model
        self.shown, context = layout.fitted(prompt, layout.reserve(most))
        self.ending = StopCondition(model.tokenizer, sampling, ends_of(model))
        self.news = news
        self.is_cancelled = False
        self._written: list[int] = []
        budget = max(1, min(most, model.window - len(context)))
        # Hearing every token costs: only who needs it does.
        listens = bool(sampling.stop) or news is not None
        self.request = EngineRequest(context, budget, self._hear if listens else None)

    def _hear(self, token: int) -> bool:
        self._written.append(token)
        if self.news is not None:
            self.news.put(token)
        return self.is_cancelled or self.ending.is_met(self._written)

    def completion(self) -> Completion:
        """The answer; what it took is counted."""
        read, ids = self.request.context, self.request.answer
        flops = 2.0 * self.model.network.num_parameters() * (len(read) + len(ids))
        spend(Cost(prompt_tokens=len(read), new_tokens=len(ids), flops=flops))
        return Completion(
            text=self.ending.text(ids),
            num_prompt_tokens=len(read),
            num_new_tokens=len(ids),
            is_cut=len(ids) >= self.request.budget and not self.ending.is_met(ids),
            passages=self.shown.passages,
            prompt=self.model.prompt_tokenizer.text(self.shown),
        )


_FOLDER = "converted"
_OWN_LOOP = ("temperature", "repetition_penalty", "choice", "regex", "json_schema", "logprobs")
"""Fields of Sampling that engines lack, or do so that the same seed gives another answer."""


@dataclass(frozen=True, eq=False)
class BackendModel(Model):
    """Greedy answers come from the engine; continuations are weighed by our own network."""

    inner: LocalModel
    backend: Backend
    folder: Path
    """The engine's files."""
    _told: set[str] = field(default_factory=set, init=False)
    """What was said to the user, so that it is said once."""
    _opening: Any = field(default_factory=threading.Lock, init=False)

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """Answer in the engine's batches, together with whoever asks meanwhile."""
        if not prompts or self._is_beyond(sampling):
            return self.inner.generate(prompts, sampling)
        asked = [BackendRequest(self.inner, prompt, sampling) for prompt in prompts]
        self._queue.serve([own.request for own in asked])
        return [own.completion() for own in asked]

    def stream(self, prompt: Prompt, sampling: Sampling) -> Iterator[str | Completion]:
        """Pieces of the answer as the engine writes them, and the whole."""
        if self._is_beyond(sampling):
            yield from self.inner.stream(prompt, sampling)
            return
        news = SimpleQueue[int | None]()
        asked = BackendRequest(self.inner, prompt, sampling, news)
        served = copy_context()
        worker = threading.Thread(target=served.run, args=(self._serve, asked), daemon=True)
        worker.start()
        pieces, ids = IncrementalDetokenizer(asked.ending), list[int]()
        try:
            while (token := news.get()) is not None:
                ids.append(token)
                if new := pieces.add(ids):
                    yield new
        finally:
            asked.is_cancelled = True
        worker.join()
        if asked.request.failure is not None:
            raise BackendError(f"{self.backend.name} failed: {asked.request.failure}")
        if new := pieces.end(asked.request.answer):
            yield new
        yield asked.completion()

    def _serve(self, asked: BackendRequest) -> None:
        try:
            self._queue.serve([asked.request])
        except BackendError as error:
            asked.request.failure = error
        finally:
            if asked.news is not None:
                asked.news.put(None)

    def loglikelihood(self, pairs: Sequence[Pair]) -> list[LogLikelihood]:
        """By our own network, as exact as it is."""
        return self.inner.loglikelihood(pairs)

    def try_out(self) -> None:
        """Write one token: some engines know only then what they cannot run.

        Raises:
            NotApplicableError: It cannot.
        """
        try:
            with silenced():
                self._queue.serve([EngineRequest(sorted(ends_of(self.inner))[:1], 1)])
        except BackendError as error:
            reason = str(error.__cause__ or error)
            raise NotApplicableError(f"{self.backend.name} cannot run it: {reason}") from error

    def _is_beyond(self, sampling: Sampling) -> bool:
        """Whether our own loop must answer; says so the first time."""
        default = Sampling()
        asked = [name for name in _OWN_LOOP if getattr(sampling, name) != getattr(default, name)]
        for name in asked:
            self.tell_lacking(name)
        return bool(asked)

    def tell_lacking(self, name: str) -> None:
        """Say, the first time, what our own loop does in the engine's place."""
        if name not in self._told:
            self._told.add(name)
            where = "where it is asked for, our own loop answers, slower"
            notify(f"{self.backend.name} answers without {name}; {where}")

    @property
    def _queue(self) -> BatchQueue:
        """Who gives requests to the engine."""
        with self._opening:
            return self._opened

    @cached_property
    def _opened(self) -> BatchQueue:
        """The engine, opened when it is first asked something."""
        model = self.inner
        try:
            with silenced():
                opened = self.backend.open(self.folder, ends_of(model), model.window)
        except (RuntimeError, ValueError, OSError) as error:
            raise BackendError(
                f"{self.folder}: {self.backend.name} cannot open what it was converted to "
                f"({error}); fit faster_engine again"
            ) from error
        return BatchQueue(opened)

    @property
    def children(self) -> Mapping[str, Model]:
        """The model that was converted."""
        return {"inner": self.inner}

    def write(self, folder: Path) -> dict[str, Any]:
        """Copy the engine's files."""
        shutil.copytree(self.folder, folder / _FOLDER, dirs_exist_ok=True)
        backend = {"name": self.backend.name, **self.backend.model_dump()}
        return {"backend": backend, **identity(self.inner)}

    @classmethod
    def read(cls, folder: Path, fields: dict[str, Any], children: Mapping[str, Model]) -> Self:
        """Open them beside the model.

        Raises:
            BackendError: They were converted from another model.
            MissingExtraError: The engine is not installed.
        """
        inner = children["inner"]
        if not isinstance(inner, LocalModel) or fields != {**fields, **identity(inner)}:
            raise BackendError(f"{folder}: converted from another model than the one beside it")
        return cls(inner, BACKENDS.build(fields["backend"]), folder / _FOLDER)


def on_backend(model: LocalModel, backend: Backend) -> BackendModel:
    """The same model on a faster engine, converted now if it never was.

    Raises:
        NotApplicableError: The engine cannot run it.
    """
    if not ends_of(model):
        raise NotApplicableError(
            f"{backend.name} needs a token that ends an answer, and this tokenizer has none"
        )
    found = BackendModel(model, backend, converted(model, backend))
    found.try_out()
    return found


def core_by_steps(member: Model) -> Any:
    """What is inside all rewriters, for who joins members at every step: engines do not let them.

    Where there is one it is passed over, and said so.
    """
    core = unwrap(member).core
    if not isinstance(core, BackendModel):
        return core
    core.tell_lacking("joining members at every step")
    return core.inner
