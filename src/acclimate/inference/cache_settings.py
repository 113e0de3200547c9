"""What a network keeps of what it has read."""

from typing import Any

from pydantic import Field

from acclimate.core.record import Record


class CacheSettings(Record):
    """Keys and values, and for how long they are kept."""

    has_key_values: bool = True
    """Keep those of each answer in the making; off, all is read again at every token."""
    prefix_bytes: int = Field(default=0, ge=0)
    """Keep those of prompts and answers for others that begin alike, in so much memory."""

    def told(self) -> dict[str, Any]:
        """As a saved model has it, where it is not as usual."""
        return {} if self == DEFAULT_CACHE else {"caching": self.model_dump()}


DEFAULT_CACHE = CacheSettings()
"""Keys and values of answers in the making, and nothing from prompt to prompt."""
