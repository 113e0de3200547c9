"""Operations of a transformer, from its shape (Kaplan et al., 2020, section 2.1).

A forward pass costs 2 operations a weight and token, and attention costs more as the context
grows: C = 2 N + 2 num_layers * context * width a token. A backward pass costs twice a forward one.
"""

from pydantic import Field

from acclimate.core.record import Record


class NetworkShape(Record):
    """The sizes of a transformer that its cost follows from."""

    num_params: int = Field(ge=1)
    """Weights that are multiplied once a token: without the embedding table, with the output's."""
    num_layers: int = Field(ge=1)
    """Blocks."""
    embed_dim: int = Field(ge=1)
    """Width of the residual stream."""
    num_heads: int = Field(default=1, ge=1)
    """Query heads a layer."""
    vocab_size: int = Field(default=1, ge=1)
    """Rows of the output layer."""


def forward_flops(shape: NetworkShape, num_tokens: float, context: float = 0.0) -> float:
    """Operations to read or write tokens (Kaplan et al., 2020, equation 2.2).

    Args:
        shape: Of the network.
        num_tokens: How many.
        context: Length of the sequences, tokens. The equation's attention term is that of causal
            attention, where a token sees half of it on average; 0 leaves the term out.
    """
    attention = 2.0 * shape.num_layers * context * shape.embed_dim
    return num_tokens * (2.0 * shape.num_params + attention)


def train_flops(shape: NetworkShape, num_tokens: float, context: float = 0.0) -> float:
    """Operations to train on tokens: a forward pass and a backward one of twice its cost.

    Args:
        shape: Of the network.
        num_tokens: How many, each time they are seen.
        context: Length of the sequences, tokens; 0 leaves attention out.
    """
    return 3.0 * forward_flops(shape, num_tokens, context)
