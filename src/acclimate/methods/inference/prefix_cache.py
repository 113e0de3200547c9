"""Prefix caching: keep keys and values from prompt to prompt, or keep none."""

from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from acclimate.core.domain import TrainData
from acclimate.core.errors import NotApplicableError
from acclimate.core.method import Method
from acclimate.core.model import Model
from acclimate.core.rewriter import unwrap
from acclimate.inference.cache_settings import CacheSettings
from acclimate.inference.local_model import LocalModel


class PrefixCache(Method):
    """The network's KV cache and prefix cache; answers stay as they are, but for rounding."""

    paper: ClassVar[str] = "https://arxiv.org/abs/2312.07104"
    needs: ClassVar[frozenset[str]] = frozenset({"weights"})

    has_key_values: bool = True
    """Whether there is a KV cache, as in every other recipe. Off, all is read again at every
    token: the row to measure what the cache saves."""
    prefix_bytes: int = Field(default=64 * 2**20, ge=0)
    """Memory of the prefix cache (the paper's section 3): keys and values of prompts and answers
    whose beginning others share, the least recently used evicted first; 0 keeps none from prompt
    to prompt. The default holds 2,000 tokens of a model that takes 32 KiB a token."""

    def fit(self, base: Model, data: TrainData, *, seed: int) -> Model:
        """The same model with another cache; nothing is learned."""
        apart = unwrap(base)
        if not isinstance(apart.core, LocalModel):
            raise NotApplicableError(
                "prefix_cache changes what one local network keeps, and this model is "
                f"{type(apart.core).__name__}; put it in the members' recipes instead"
            )
        caching = CacheSettings(has_key_values=self.has_key_values, prefix_bytes=self.prefix_bytes)
        return apart.rewrap(replace(apart.core, cache_settings=caching))
