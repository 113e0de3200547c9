"""The engine: one scheduler for each network, shared by all requests to it.

It steps on a thread of its own while there is work. Whatever a model is made of, retrieval, votes
or a cascade, each caller's requests run through it by themselves, and where requests meet at one
network their sequences are batched.
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
"""Memory for keys and values of all running sequences."""

_engines: WeakKeyDictionary[Any, "Engine"] = WeakKeyDictionary()
_making = threading.Lock()


class Engine:
    """Submits requests to a scheduler, and steps it until all are answered."""

    def __init__(self, max_kv_tokens: int = MAX_KV_TOKENS) -> None:
        """Begin with no request.

        Args:
            max_kv_tokens: KV slots that all running sequences together may take.
        """
        self.scheduler = Scheduler(max_kv_tokens)
        self.prefix_bytes = 0
        """Memory of the prefix cache where a model does not say; 0: there is none."""
        self._prefix_caches: dict[int, RadixPrefixCache] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._num_requests = 0
        self._network_state: NetworkState | None = None

    def prefix_cache(self, max_bytes: int) -> RadixPrefixCache | None:
        """The prefix cache of this size, or of the engine's own where it is 0; None: there is none.

        While caches are bypassed a new one, which only sequences of one request share.
        """
        max_bytes = max_bytes or self.prefix_bytes
        if not max_bytes:
            return None
        if is_bypassed():
            return RadixPrefixCache(max_bytes)
        return self._prefix_caches.setdefault(max_bytes, RadixPrefixCache(max_bytes))

    def submit(self, request: Request) -> None:
        """Begin to answer a request, whose `events` say how far it is; `release` it at the end."""
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._work, daemon=True, name="decoding")
                thread.start()  # where that fails nothing is submitted; it waits for the lock
                self._thread = thread
            self.scheduler.add(request)
            self._num_requests += 1

    def release(self, request: Request) -> None:
        """End a submitted request, finished or not."""
        request.is_cancelled = True
        with self._lock:
            self._num_requests -= 1
            if not self._num_requests:
                self._network_state = None  # a caller who was alone may change the network now

    def network_state(self, network: Any) -> NetworkState:
        """The state of the engine's network, shared by requests that run at the same time."""
        with self._lock:
            if not self._num_requests:
                return NetworkState(network)
            if self._network_state is None or self._network_state.is_old:
                self._network_state = NetworkState(network)
            return self._network_state

    def run(self, request: Request) -> list[list[int]]:
        """Submit a request and wait; the symbols of each of its sequences.

        Raises:
            ConfigError: A constraint that cannot be met.
            BackendError: The network failed.
        """
        # Made here, so that their errors end this request and no other.
        num_left = len(request.sampling_states)
        self.submit(request)
        try:
            with on_cancel(request.abort), progress("answering", num_left) as advance:
                while num_left:
                    if request.next_event().is_over:
                        num_left -= 1
                        advance(1)
        finally:
            self.release(request)
        return request.collect()

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
    """The engine of a network, which all its callers share."""
    with _making:
        if network not in _engines:
            _engines[network] = Engine(_max_kv_tokens(network))
        return _engines[network]


def remember_prefixes(models: Iterable[Model], max_bytes: int) -> None:
    """Give every network in these models a prefix cache.

    Args:
        models: Of any kind.
        max_bytes: Memory for keys and values, of each network; 0: no prefix cache.
    """
    for model in models:
        for _, part in descendants(model):
            if isinstance(part, NeuralModel):
                engine_of(part.network).prefix_bytes = max_bytes


def _max_kv_tokens(network: Any) -> int:
    """Tokens whose keys and values fit in `CACHE_BYTES`."""
    config = network.config.get_text_config()
    num_heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    token_bytes: int = 2 * config.num_hidden_layers * num_heads * width * network.dtype.itemsize
    return max(1, min(MAX_KV_TOKENS, CACHE_BYTES // token_bytes))
