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
from acclimate.core.runtime.cache_bypass import is_bypassed
from acclimate.core.runtime.cancellation import on_cancel
from acclimate.core.runtime.progress import progress
from acclimate.core.storage.saved_model import descendants
from acclimate.inference.engine.network_state import NetworkState
from acclimate.inference.engine.prefix_cache import RadixPrefixCache
from acclimate.inference.engine.request import Request
from acclimate.inference.engine.scheduler import MAX_KV_TOKENS, Scheduler

CACHE_BYTES = 2 * 1024**3
"""Of keys and values of all rows in flight."""

_engines: WeakKeyDictionary[Any, "Engine"] = WeakKeyDictionary()
_making = threading.Lock()


class Engine:
    """Puts calls into the loop, and turns it until nothing is asked any more."""

    def __init__(self, max_places: int = MAX_KV_TOKENS) -> None:
        """Be idle.

        Args:
            max_places: Tokens that rows in flight may hold together.
        """
        self.scheduler = Scheduler(max_places)
        self.prefix_bytes = 0
        """Memory for what prompts begin with, where a model does not say; 0: nothing is kept."""
        self._trees: dict[int, RadixPrefixCache] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._num_asking = 0
        self._snapshot: NetworkState | None = None

    def prefix_cache(self, max_bytes: int) -> RadixPrefixCache | None:
        """What was read for others, in so much memory or as much as is usual; None: nothing."""
        max_bytes = max_bytes or self.prefix_bytes
        if max_bytes and is_bypassed():
            return RadixPrefixCache(
                max_bytes
            )  # shared by what is asked at once, and by nobody else
        return self._trees.setdefault(max_bytes, RadixPrefixCache(max_bytes)) if max_bytes else None

    def submit(self, call: Request) -> None:
        """Begin to answer; `call.events` tells, until who asked leaves."""
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._work, daemon=True, name="decoding")
                thread.start()  # where that fails nothing is put; it waits for the lock
                self._thread = thread
            self.scheduler.add(call)
            self._num_asking += 1

    def release(self, call: Request) -> None:
        """Want no more of a call that was put."""
        call.is_cancelled = True
        with self._lock:
            self._num_asking -= 1
            if not self._num_asking:
                self._snapshot = None  # who was alone may change the network now

    def network_state(self, network: Any) -> NetworkState:
        """Of the engine's network, shared by those who ask at the same time."""
        with self._lock:
            if not self._num_asking:
                return NetworkState(network)
            if self._snapshot is None or self._snapshot.is_old:
                self._snapshot = NetworkState(network)
            return self._snapshot

    def run(self, call: Request) -> list[list[int]]:
        """All answers of a call, in order.

        Raises:
            ConfigError: A constraint that cannot be met.
            BackendError: The network failed.
        """
        num_left = len(
            call.sampling_states
        )  # made here, as nobody else should hear of their errors
        self.submit(call)
        try:
            with on_cancel(call.abort), progress("answering", num_left) as advance:
                while num_left:
                    if call.next_event().is_over:
                        num_left -= 1
                        advance(1)
        finally:
            self.release(call)
        return call.collect()

    def _work(self) -> None:
        while self._has_work():
            try:
                self.scheduler.step()
            except BaseException as error:  # noqa: BLE001 Rust's panics too; whoever asked is told
                with self._lock:
                    self.scheduler.fail(error)

    def _has_work(self) -> bool:
        with self._lock:
            if self.scheduler.is_idle:
                self._thread = None
            return self._thread is not None


def engine_of(network: Any) -> Engine:
    """The engine that all share who ask this network."""
    with _making:
        if network not in _engines:
            _engines[network] = Engine(_max_kv_tokens(network))
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


def _max_kv_tokens(network: Any) -> int:
    config = network.config.get_text_config()
    num_heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    one: int = 2 * config.num_hidden_layers * num_heads * width * network.dtype.itemsize
    return max(1, min(MAX_KV_TOKENS, CACHE_BYTES // one))
