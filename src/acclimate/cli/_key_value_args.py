"""Read `key=value` words and `lora rank=4 + hybrid_rag` from the command line."""

from collections.abc import Iterable
from typing import Any

import yaml

from acclimate.core.errors import ConfigError


def fields_of(words: Iterable[str]) -> dict[str, Any]:
    """`["rank=8", "training.num_epochs=2"]` → `{"rank": 8, "training": {"num_epochs": 2}}`.

    Values are read as YAML, so that numbers, lists and true/false are what they look like.

    Raises:
        ConfigError: A word has no `=`.
    """
    fields: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise ConfigError(f"'{word}': settings are written key=value, as months=6")
        *above, last = key.split(".")
        into = fields
        for name in above:
            into = into.setdefault(name, {})
            if not isinstance(into, dict):
                raise ConfigError(f"'{word}': '{name}' was given a value of its own before")
        try:
            into[last] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ConfigError(f"'{word}': the value cannot be read as YAML") from error
    return fields


def recipe_of(text: str) -> Any:
    """`lora rank=4 + hybrid_rag` → a study file's entry for it."""
    specs = []
    for part in text.split("+"):
        words = part.split()
        if not words:
            raise ConfigError(f"recipe '{text}': a method is missing beside a '+'")
        fields = fields_of(words[1:])
        specs.append({"name": words[0], **fields} if fields else words[0])
    return specs if len(specs) > 1 else specs[0]
