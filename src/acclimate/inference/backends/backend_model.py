"""A model that answers through an external engine, else by our own."""

import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from queue import SimpleQueue
from typing import Any, ClassVar, Self

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

_FOLDER = "converted"
_OWN_ENGINE = ("temperature", "repetition_penalty", "choice", "regex", "json_schema", "logprobs")
"""Fields of Sampling that external engines lack, or do so that a seed gives another answer."""


def ends_of(model: LocalModel) -> frozenset[int]:
    """Tokens that end a model's answers."""
    return stop_ids(model.network, model.tokenizer)


class BackendRequest:
    """A prompt laid out for an external engine, and its greedy answer.

    Args:
        model: Whose tokenizer lays it out.
        prompt: Cut to leave room for the answer.
        sampling: Its length and stop strings.
        tokens: Takes each token as it is written; None: nobody reads them before the end.
    """

    def __init__(
        self,
        model: LocalModel,
        prompt: Prompt,
        sampling: Sampling,
        tokens: SimpleQueue[int | None] | None = None,
    ) -> None:
        tokenizer, max_new_tokens = model.prompt_tokenizer, sampling.max_new_tokens
        self.model = model
        self.shown, context = tokenizer.fitted(prompt, tokenizer.reserve(max_new_tokens))
        self.stop_condition = StopCondition(model.tokenizer, sampling, ends_of(model))
        self.tokens = tokens
        self.is_cancelled = False
        self._written: list[int] = []
        budget = max(1, min(max_new_tokens, model.window - len(context)))
        # A call for every token costs: only who needs it gets one.
        listens = bool(sampling.stop) or tokens is not None
        self.request = EngineRequest(context, budget, self._on_token if listens else None)

    def _on_token(self, token: int) -> bool:
        self._written.append(token)
        if self.tokens is not None:
            self.tokens.put(token)
        return self.is_cancelled or self.stop_condition.is_met(self._written)

    def completion(self) -> Completion:
        """The answer; its cost is counted."""
        read, ids = self.request.context, self.request.answer
        flops = 2.0 * self.model.network.num_parameters() * (len(read) + len(ids))
        spend(Cost(prompt_tokens=len(read), new_tokens=len(ids), flops=flops))
        return Completion(
            text=self.stop_condition.text(ids),
            num_prompt_tokens=len(read),
            num_new_tokens=len(ids),
            is_cut=len(ids) >= self.request.budget and not self.stop_condition.is_met(ids),
            passages=self.shown.passages,
            prompt=self.model.prompt_tokenizer.text(self.shown),
        )


@dataclass(frozen=True, eq=False)
class BackendModel(Model):
    """Answers greedily with an external engine; scores continuations with our own network."""

    kind: ClassVar[str] = "backend"

    inner: LocalModel
    backend: Backend
    folder: Path
    """The engine's files."""
    _notified: set[str] = field(default_factory=set, init=False)
    """Fields of Sampling whose lack the user was told of, which happens once."""
    _engine_lock: Any = field(default_factory=threading.Lock, init=False)

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """Answer in the engine's batches, together with requests of other threads."""
        if not prompts or self._is_beyond(sampling):
            return self.inner.generate(prompts, sampling)
        requests = [BackendRequest(self.inner, prompt, sampling) for prompt in prompts]
        self._queue.serve([request.request for request in requests])
        return [request.completion() for request in requests]

    def stream(self, prompt: Prompt, sampling: Sampling) -> Iterator[str | Completion]:
        """Pieces of the answer as the engine writes them, and the whole."""
        if self._is_beyond(sampling):
            yield from self.inner.stream(prompt, sampling)
            return
        tokens = SimpleQueue[int | None]()
        request = BackendRequest(self.inner, prompt, sampling, tokens)
        context = copy_context()
        worker = threading.Thread(target=context.run, args=(self._serve, request), daemon=True)
        worker.start()
        pieces, ids = IncrementalDetokenizer(request.stop_condition), list[int]()
        try:
            while (token := tokens.get()) is not None:
                ids.append(token)
                if new := pieces.add(ids):
                    yield new
        finally:
            request.is_cancelled = True
        worker.join()
        if request.request.failure is not None:
            raise BackendError(f"{self.backend.name} failed: {request.request.failure}")
        if new := pieces.end(request.request.answer):
            yield new
        yield request.completion()

    def _serve(self, request: BackendRequest) -> None:
        try:
            self._queue.serve([request.request])
        except BackendError as error:
            request.request.failure = error
        finally:
            if request.tokens is not None:
                request.tokens.put(None)

    def loglikelihood(self, pairs: Sequence[Pair]) -> list[LogLikelihood]:
        """Score continuations with our own network, exactly."""
        return self.inner.loglikelihood(pairs)

    def try_out(self) -> None:
        """Write one token: some engines find only then that they cannot run a network.

        Raises:
            NotApplicableError: The engine cannot run it.
        """
        try:
            with silenced():
                self._queue.serve([EngineRequest(sorted(ends_of(self.inner))[:1], 1)])
        except BackendError as error:
            reason = str(error.__cause__ or error)
            raise NotApplicableError(f"{self.backend.name} cannot run it: {reason}") from error

    def _is_beyond(self, sampling: Sampling) -> bool:
        """Whether our own engine must answer; notifies the user the first time."""
        default = Sampling()
        lacking = [
            name for name in _OWN_ENGINE if getattr(sampling, name) != getattr(default, name)
        ]
        for name in lacking:
            self.tell_lacking(name)
        return bool(lacking)

    def tell_lacking(self, name: str) -> None:
        """Notify the user, the first time, that our own engine does something in its stead."""
        if name not in self._notified:
            self._notified.add(name)
            where = "where it is asked for, our own loop answers, slower"
            notify(f"{self.backend.name} answers without {name}; {where}")

    @property
    def _queue(self) -> BatchQueue:
        """The engine with its batch queue."""
        with self._engine_lock:
            return self._loaded_queue

    @cached_property
    def _loaded_queue(self) -> BatchQueue:
        """The same, loaded at the first request."""
        model = self.inner
        try:
            with silenced():
                engine = self.backend.open(self.folder, ends_of(model), model.window)
        except (RuntimeError, ValueError, OSError) as error:
            raise BackendError(
                f"{self.folder}: {self.backend.name} cannot open what it was converted to "
                f"({error}); fit faster_engine again"
            ) from error
        return BatchQueue(engine)

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
        """Load the engine's files beside the model.

        Raises:
            BackendError: They were converted from another model.
            MissingExtraError: The engine is not installed.
        """
        inner = children["inner"]
        if not isinstance(inner, LocalModel) or fields != {**fields, **identity(inner)}:
            raise BackendError(f"{folder}: converted from another model than the one beside it")
        return cls(inner, BACKENDS.build(fields["backend"]), folder / _FOLDER)


def on_backend(model: LocalModel, backend: Backend) -> BackendModel:
    """The same model on an external engine, converted now if it never was.

    Raises:
        NotApplicableError: The engine cannot run it.
    """
    if not ends_of(model):
        raise NotApplicableError(
            f"{backend.name} needs a token that ends an answer, and this tokenizer has none"
        )
    converted_model = BackendModel(model, backend, converted(model, backend))
    converted_model.try_out()
    return converted_model


def core_by_steps(member: Model) -> Any:
    """A member's core model, for ensembles that join members at every token.

    External engines cannot do that: in their stead comes our own model, and the user is notified.
    """
    core = unwrap(member).core
    if not isinstance(core, BackendModel):
        return core
    core.tell_lacking("joining members at every step")
    return core.inner
