"""Rows for new tokens in a network's embeddings and output layer."""

from collections.abc import Sequence
from typing import Any

import torch

from acclimate.nn.linear import use_fast_linears


@torch.no_grad()
def add_rows(network: Any, new: Sequence[int], num_tokens: int, *, like: int | None) -> None:
    """Make room for `num_tokens` tokens, in place, and begin the new ones where others are.

    Tied layers stay tied. A vocabulary is never made smaller.

    Args:
        network: A transformers network.
        new: Ids of the tokens that it has not met.
        num_tokens: Of the tokenizer with them.
        like: The token whose rows the last of them begins with; the others begin with the mean of
            all that were there, as it does where this is None.
    """
    known = network.get_input_embeddings().weight.shape[0]
    first = min((known, *new))
    for table in room_for(network, num_tokens):
        mean, last = table[:first].mean(0), None if like is None else table[like].clone()
        for token in new:
            table[token] = last if last is not None and token == new[-1] else mean


def room_for(network: Any, num_tokens: int) -> list[torch.Tensor]:
    """Make a vocabulary at least so large, in place; every table with a row a token, each once."""
    if num_tokens > network.get_input_embeddings().weight.shape[0]:
        network.resize_token_embeddings(num_tokens, mean_resizing=False)
        use_fast_linears(network)
    head = network.get_output_embeddings()
    tables = [network.get_input_embeddings().weight, head.weight]
    tables += [] if head.bias is None else [head.bias]
    return list({id(t): t for t in tables}.values())
