"""Embedding and output rows of new tokens: added, initialised, and trained alone.

Letters: V vocabulary, D width, n rows that learn.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.nn.utils import parametrize

from acclimate.nn.fast_linear import use_fast_linears


@torch.no_grad()
def add_rows(network: Any, new: Sequence[int], num_tokens: int, *, like: int | None) -> None:
    """Make room for `num_tokens` tokens, in place, and initialise the new ones by other rows.

    Tied layers stay tied. A vocabulary is never made smaller.

    Args:
        network: A transformers network.
        new: Ids of the new tokens.
        num_tokens: Of the tokenizer with them.
        like: The token whose rows the last of them begins with; the others begin with the mean of
            all that were there, as it does where this is None.
    """
    known = network.get_input_embeddings().weight.shape[0]
    first = min((known, *new))
    for table in make_room_for(network, num_tokens):
        mean, last = table[:first].mean(0), None if like is None else table[like].clone()
        for token in new:
            table[token] = last if last is not None and token == new[-1] else mean


def make_room_for(network: Any, num_tokens: int) -> list[torch.Tensor]:
    """Make a vocabulary at least so large, in place; every table with a row a token, each once."""
    if num_tokens > network.get_input_embeddings().weight.shape[0]:
        network.resize_token_embeddings(num_tokens, mean_resizing=False)
        use_fast_linears(network)
    head = network.get_output_embeddings()
    tables = [network.get_input_embeddings().weight, head.weight]
    tables += [] if head.bias is None else [head.bias]
    return list({id(t): t for t in tables}.values())


class TrainableRows(torch.nn.Module):
    """A parametrization that puts trainable rows in place of some of a frozen table's."""

    def __init__(self, table: torch.Tensor, tokens: torch.Tensor) -> None:
        """Begin with the table's (V, D) own rows of `tokens` (n,)."""
        super().__init__()
        self.rows = torch.nn.Parameter(table.detach()[tokens].clone())
        self.register_buffer("tokens", tokens, persistent=False)

    def forward(self, table: torch.Tensor) -> torch.Tensor:
        """The table (V, D) with these rows."""
        return table.index_copy(0, self.tokens, self.rows)


@torch.no_grad()
def add_means(network: Any, pieces: Mapping[int, Sequence[int]]) -> None:
    """Make room for new tokens, in place; each begins as the mean of its pieces' rows.

    Of the embeddings, and of the output layer and its bias where they are apart. A network that
    has rows to spare keeps its size.
    """
    for table in make_room_for(network, max(pieces) + 1):
        for token, parts in pieces.items():
            table[token] = table[list(parts)].mean(0)


def make_rows_trainable(network: Any, tokens: Sequence[int]) -> Callable[[], None]:
    """Let nothing but these tokens' rows learn; a function that writes them into the network.

    Input and output rows are the same where the network's are. An output layer's bias stays.
    """
    network.requires_grad_(False)
    tables = [m.weight for m in (network.get_input_embeddings(), network.get_output_embeddings())]
    token_ids = torch.tensor(tokens, device=tables[0].device)
    by_table = {id(table): TrainableRows(table, token_ids) for table in tables}
    # Tied layers hold one table between them.
    layers = {m: by_table[id(m.weight)] for m in network.modules() if id(_weight(m)) in by_table}
    for layer, rows in layers.items():
        parametrize.register_parametrization(layer, "weight", rows, unsafe=True)

    def write() -> None:
        for layer in layers:
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)

    return write


def _weight(module: torch.nn.Module) -> torch.Tensor | None:
    return module._parameters.get("weight")
