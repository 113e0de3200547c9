"""The one decoding loop: read a shared prefix once, then a token at a time.

Letters: B rows, T tokens, V vocabulary.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from acclimate.core.cost import Cost, spend
from acclimate.core.model import Sampling
from acclimate.core.progress import progress
from acclimate.decoding.batching import by_length, shared_prefix
from acclimate.decoding.prefix_cache import expanded, prefix_cache
from acclimate.nn.routes import as_keyword

Step = Callable[[torch.Tensor], torch.Tensor]
"""Next tokens (B,) in, logits (B, V) out."""


@torch.inference_mode()
def decode(
    network: Any,
    contexts: Sequence[list[int]],
    sampling: Sampling,
    *,
    is_stop: Callable[[list[int]], bool],
    routes: Sequence[int | None] = (),
    window: int | None = None,
) -> list[list[int]]:
    """New token ids after each context, in order; ends at `is_stop` or `max_new_tokens`.

    Args:
        network: A causal or encoder-decoder transformers network.
        contexts: Token ids, at least one each.
        sampling: How a token is drawn.
        is_stop: Told the new ids of one row; whether that row is done.
        routes: Of each context, where the network has adapters to choose from.
        window: Tokens that a context and its answer may have, where one network reads both.
    """
    routes = routes or [None] * len(contexts)
    num_shared = 0 if network.config.is_encoder_decoder else shared_prefix(contexts, routes)
    cache = prefix_cache(network, contexts[0][:num_shared], routes[0]) if contexts else None
    spend(_cost(network, num_shared, 0))
    answers: list[list[int]] = [[] for _ in contexts]
    generator = torch.Generator(device="cpu").manual_seed(sampling.seed)
    budget = sampling.max_new_tokens
    with progress("answering", len(contexts)) as advance:
        for group in by_length([len(c) - num_shared + budget for c in contexts]):
            own = [list(contexts[i][num_shared:]) for i in group]
            ways = as_keyword([routes[i] for i in group])
            rows = _Rows(network, own, cache, num_shared, ways)
            for index, answer in zip(
                group, _decode_rows(rows, sampling, is_stop, generator, window), strict=True
            ):
                answers[index] = answer
            spend(_cost(network, sum(map(len, own)), sum(len(answers[i]) for i in group)))
            advance(len(group))
    return answers


@torch.inference_mode()
def prefill_logits(
    network: Any, contexts: Sequence[list[int]], routes: Sequence[int | None] = ()
) -> torch.Tensor:
    """Logits (B, V) of the token after each context."""
    spend(_cost(network, sum(map(len, contexts)), 0))
    return _Rows(network, [list(c) for c in contexts], None, 0, as_keyword(routes)).prefill()


def sample(logits: torch.Tensor, sampling: Sampling, generator: torch.Generator) -> torch.Tensor:
    """Draw one token a row from logits (B, V); ids of shape (B,)."""
    if sampling.temperature == 0:
        return logits.argmax(-1)
    probs = kept(logits.float() / sampling.temperature, sampling).softmax(-1)  # (B, V)
    return torch.multinomial(probs.cpu(), 1, generator=generator)[:, 0].to(logits.device)


def kept(logits: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Logits (B, V) with everything outside top-k and the top-p nucleus at minus infinity."""
    if sampling.top_k:
        smallest = logits.topk(min(sampling.top_k, logits.shape[-1])).values[:, -1:]
        logits = logits.masked_fill(logits < smallest, float("-inf"))
    if sampling.top_p < 1:
        ordered, order = logits.sort(descending=True)
        probs = ordered.softmax(-1)
        # A token is in the nucleus while what lies before it is below top_p.
        outside = probs.cumsum(-1) - probs >= sampling.top_p
        logits = logits.masked_fill(outside.scatter(1, order, outside), float("-inf"))
    return logits


def _decode_rows(
    rows: "_Rows",
    sampling: Sampling,
    is_stop: Callable[[list[int]], bool],
    generator: torch.Generator,
    window: int | None,
) -> list[list[int]]:
    logits = rows.prefill()
    rooms = rows.rooms(window)
    answers: list[list[int]] = [[] for _ in range(len(logits))]
    running = list(range(len(answers)))
    for _ in range(sampling.max_new_tokens):
        tokens = sample(logits, sampling, generator)
        for row, token in zip(running, tokens.tolist(), strict=True):
            answers[row].append(token)
        is_over = [is_stop(answers[row]) or len(answers[row]) >= rooms[row] for row in running]
        keep = [i for i, over in enumerate(is_over) if not over]
        if not keep:
            break
        if len(keep) < len(running):
            tokens = tokens[keep]
            rows.select(keep)
            running = [running[i] for i in keep]
        logits = rows.step(tokens)
    return answers


def _cost(network: Any, num_read: int, num_new: int) -> Cost:
    flops = 2.0 * network.num_parameters() * (num_read + num_new)
    return Cost(prompt_tokens=num_read, new_tokens=num_new, flops=flops)


class _Rows:
    """A batch in flight: left-padded contexts, their cache, and the next position of each row."""

    def __init__(
        self,
        network: Any,
        contexts: list[list[int]],
        cache: Any,
        num_shared: int,
        routes: dict[str, torch.Tensor],
    ) -> None:
        self.network, self.routes = network, routes
        width = max(map(len, contexts))
        pads = [width - len(c) for c in contexts]
        ids = [[0] * pad + c for pad, c in zip(pads, contexts, strict=True)]
        self.ids = torch.tensor(ids, device=network.device)  # (B, T)
        mask = torch.ones(len(ids), num_shared + width, dtype=torch.long)
        for row, pad in enumerate(pads):
            mask[row, num_shared : num_shared + pad] = 0
        self.mask = mask.to(network.device)  # (B, P+T)
        self.cache = expanded(cache, len(ids))
        self.encoded: Any = None

    def prefill(self) -> torch.Tensor:
        """Read the contexts; logits (B, V) of the first new token."""
        if self.network.config.is_encoder_decoder:
            return self._encode()
        positions = (self.mask.cumsum(-1) - 1).clamp(min=0)[:, -self.ids.shape[1] :]
        return self._forward(input_ids=self.ids, position_ids=positions)

    def rooms(self, window: int | None) -> list[float]:
        """How many tokens each row has left in a window; no end of them, where there is none."""
        if window is None or self.encoded is not None:
            return [math.inf] * len(self.ids)
        return [window - length for length in self.mask.sum(-1).tolist()]

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Read one new token a row; logits (B, V) of the next."""
        if self.encoded is not None:
            return self._forward(decoder_input_ids=tokens[:, None], encoder_outputs=self.encoded)
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(tokens), 1)], dim=1)
        positions = self.mask.sum(-1, keepdim=True) - 1
        return self._forward(input_ids=tokens[:, None], position_ids=positions)

    def select(self, keep: list[int]) -> None:
        """Go on with some of the rows."""
        index = torch.tensor(keep, device=self.mask.device)
        self.mask = self.mask[index]
        self.routes = {name: routes[index.cpu()] for name, routes in self.routes.items()}
        self.cache.batch_select_indices(index)
        if self.encoded is not None:
            self.encoded.last_hidden_state = self.encoded.last_hidden_state[index]

    def _encode(self) -> torch.Tensor:
        from transformers import EncoderDecoderCache

        network = self.network
        encoder = network.get_encoder()
        self.encoded = encoder(input_ids=self.ids, attention_mask=self.mask, **self.routes)
        self.cache = EncoderDecoderCache(self.cache, expanded(None, 0))
        start = self.ids.new_full((len(self.ids),), network.config.decoder_start_token_id)
        return self.step(start)

    def _forward(self, **inputs: Any) -> torch.Tensor:
        output = self.network(
            attention_mask=self.mask,
            past_key_values=self.cache,
            use_cache=True,
            **self.routes,
            **inputs,
        )
        logits: torch.Tensor = output.logits[:, -1]
        return logits
