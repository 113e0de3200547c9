"""One loop for all who ask a network at the same time.

It turns on a thread of its own while there is work. Whatever a model is made of, retrieval, votes
or a cascade, each request runs through it by itself, and where requests meet at one network their
rows are read together.
"""

import threading
from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

from acclimate.core.model import Model, NeuralModel
from acclimate.core.runtime.cache_bypass import is_afresh
from acclimate.core.runtime.cancellation import stopped_by_leaving
from acclimate.core.runtime.progress import progress
from acclimate.core.storage.saved_model import descendants
from acclimate.inference.engine.network_state import Snapshot
from acclimate.inference.engine.prefix_cache import PrefixTree
from acclimate.inference.engine.request import Call
from acclimate.inference.engine.scheduler import MAX_PLACES, Loop

CACHE_BYTES = 2 * 1024**3
"""Of keys and values of all rows in flight."""

_engines: WeakKeyDictionary[Any, "Engine"] = WeakKeyDictionary()
_making = threading.Lock()


class Engine:
    """Puts calls into the loop, and turns it until nothing is asked any more."""

    def __init__(self, max_places: int = MAX_PLACES) -> None:
        """Be idle.

        Args:
            max_places: Tokens that rows in flight may hold together.
        """
        self.loop = Loop(max_places)
        self.prefix_bytes = 0
        """Memory for what prompts begin with, where a model does not say; 0: nothing is kept."""
        self._trees: dict[int, PrefixTree] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._num_asking = 0
        self._snapshot: Snapshot | None = None

    def tree(self, max_bytes: int) -> PrefixTree | None:
        """What was read for others, in so much memory or as much as is usual; None: nothing."""
        max_bytes = max_bytes or self.prefix_bytes
        if max_bytes and is_afresh():
            return PrefixTree(max_bytes)  # shared by what is asked at once, and by nobody else
        return self._trees.setdefault(max_bytes, PrefixTree(max_bytes)) if max_bytes else None

    def put(self, call: Call) -> None:
        """Begin to answer; `call.news` tells, until who asked leaves."""
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._work, daemon=True, name="decoding")
                thread.start()  # where that fails nothing is put; it waits for the lock
                self._thread = thread
            self.loop.add(call)
            self._num_asking += 1

    def leave(self, call: Call) -> None:
        """Want no more of a call that was put."""
        call.is_cancelled = True
        with self._lock:
            self._num_asking -= 1
            if not self._num_asking:
                self._snapshot = None  # who was alone may change the network now

    def snapshot(self, network: Any) -> Snapshot:
        """Of the engine's network, shared by those who ask at the same time."""
        with self._lock:
            if not self._num_asking:
                return Snapshot(network)
            if self._snapshot is None or self._snapshot.is_old:
                self._snapshot = Snapshot(network)
            return self._snapshot

    def answer(self, call: Call) -> list[list[int]]:
        """All answers of a call, in order.

        Raises:
            ConfigError: A constraint that cannot be met.
            BackendError: The network failed.
        """
        num_left = len(call.drawings)  # made here, as nobody else should hear of their errors
        self.put(call)
        try:
            with stopped_by_leaving(call.give_up), progress("answering", num_left) as advance:
                while num_left:
                    if call.hear().is_over:
                        num_left -= 1
                        advance(1)
        finally:
            self.leave(call)
        return call.spend()

    def _work(self) -> None:
        while self._has_work():
            try:
                self.loop.turn()
            except BaseException as error:  # noqa: BLE001 Rust's panics too; whoever asked is told
                with self._lock:
                    self.loop.fail(error)

    def _has_work(self) -> bool:
        with self._lock:
            if self.loop.is_idle:
                self._thread = None
            return self._thread is not None


def engine_of(network: Any) -> Engine:
    """The engine that all share who ask this network."""
    with _making:
        if network not in _engines:
            _engines[network] = Engine(_places_for(network))
        return _engines[network]


def remember_prefixes(models: Iterable[Model], max_bytes: int) -> None:
    """Let every network in these models keep what it reads for prompts that begin alike.

    Args:
        models: Of any kind.
        max_bytes: Memory for keys and values, of each network; 0 keeps none.
    """
    for model in models:
        for _, part in descendants(model):
            if isinstance(part, NeuralModel):
                engine_of(part.network).prefix_bytes = max_bytes


def _places_for(network: Any) -> int:
    config = network.config.get_text_config()
    num_heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    one: int = 2 * config.num_hidden_layers * num_heads * width * network.dtype.itemsize
    return max(1, min(MAX_PLACES, CACHE_BYTES // one))
