"""Settings of a local model's KV cache and prefix cache."""

from typing import Any

from pydantic import Field

from acclimate.core.record import Record


class CacheSettings(Record):
    """Which keys and values a model keeps, and in how much memory."""

    has_key_values: bool = True
    """Whether there is a KV cache; off, all is read again at every token."""
    prefix_bytes: int = Field(default=0, ge=0)
    """Memory of the prefix cache, which keeps keys and values from prompt to prompt."""

    def saved_fields(self) -> dict[str, Any]:
        """The fields that a saved model has of it: none where all are the default."""
        return {} if self == DEFAULT_CACHE else {"caching": self.model_dump()}


DEFAULT_CACHE = CacheSettings()
"""A KV cache, and no prefix cache."""
