"""Induction heads, which copy from the context, written into initial weights.

What lets a language model use its context is a pair of heads (Olsson et al. 2022, "In-context
Learning and Induction Heads"): one notes at each token which token came before; the next finds the
position behind an equal token, and copies what stands there. Small networks take
more tokens to find this pair than they are ever given. Initial weights that already do something
useful are an old idea (Trockman and Kolter 2023, "Mimetic Initialization"); here they do this, and
training sharpens it.

Differs: Olsson et al. describe the pair in trained networks, and do not write it by hand.

The residual stream is cut in three: one constant, a content part where tokens differ, and a part
that the embedding leaves empty, for the note. Letters: V vocabulary, D width, E head width.
"""

import math
from typing import Any

import torch

from acclimate.core.errors import ConfigError

CONSTANT, NOTE_SHARE = 3.0, 3 / 8
"""The constant, in standard deviations of the content; share of the width kept for the note."""
SPREAD = 0.06
"""Standard deviation of the content of an embedding: steps of the optimiser are small to it."""
_SHARPNESS = 6.0
"""How far the previous position's score stands above its neighbours', over the softmax's unit."""
MATCH = 12.0
"""Score of a token that matches, where others lie about 0."""
STRENGTH = 3.0
"""Weight of the copied content over that of the token itself."""
LOUDNESS = 2.0
"""Of the last norm: how sure the first predictions are."""
REACH_TOKENS = 400
"""A match must survive the rotation of positions over so many tokens."""
MIN_SLOW = 4
"""Rotations a head that do survive so far: with fewer, tokens cannot be distinguished."""
QUIET_WIDTH = 128
"""Up to this width the output of fresh layers is small beside the content."""


@torch.no_grad()
def write_copying_circuit(network: Any, *, seed: int) -> None:
    """Write the two heads into a Llama-style network's first two layers, in place.

    Raises:
        ConfigError: The network lacks what the circuit is made of.
    """
    config, writer = network.config, _Writer(network, torch.Generator().manual_seed(seed))
    needed = {
        "two layers": config.num_hidden_layers >= 2,
        "a width of 64": config.hidden_size >= 64,
        "as many key heads as heads": config.num_key_value_heads == config.num_attention_heads,
        "one table for embedding and output layer (is_tied)": config.tie_word_embeddings,
        f"{MIN_SLOW} slow rotations a head (a larger rope_theta, or fewer heads)": (
            len(writer.slow) >= MIN_SLOW
        ),
    }
    lacking = [what for what, is_there in needed.items() if not is_there]
    if lacking:
        raise ConfigError(f"has_copying_circuit: the model needs {', '.join(lacking)}")
    writer.quiet_layers()
    writer.embeddings()
    writer.previous_token_head()
    writer.matching_heads()
    network.model.norm.weight.fill_(LOUDNESS)


class _Writer:
    def __init__(self, network: Any, generator: torch.Generator) -> None:
        self.network, self.generator = network, generator
        self.width = network.config.hidden_size
        self.head_dim = network.config.head_dim
        self.num_heads = network.config.num_attention_heads
        self.frequencies = network.model.rotary_emb.inv_freq.float().cpu()  # (E/2,)
        self.slow = (self.frequencies * REACH_TOKENS < 1).nonzero()[:, 0]
        num_note = min(round(NOTE_SHARE * self.width), self.head_dim)
        self.note = slice(self.width - num_note, self.width)
        self.content = slice(1, self.width - num_note)
        self.num_note, self.num_content = num_note, self.width - num_note - 1
        # Orthonormal rows: from a token's content to its note.
        self.code = self._orthonormal(num_note, self.num_content)

    def quiet_layers(self) -> None:
        """Scale the output of fresh layers down, which grows with the width squared."""
        share = min(1.0, (QUIET_WIDTH / self.width) ** 2)
        for layer in self.network.model.layers:
            layer.self_attn.o_proj.weight *= share
            layer.mlp.down_proj.weight *= share

    def embeddings(self) -> None:
        """A constant, random content, and nothing where the note will stand."""
        table = self.network.get_input_embeddings().weight  # (V, D)
        table[:, self.content].normal_(0, SPREAD, generator=self.generator)
        table[:, 0] = CONSTANT * SPREAD
        table[:, self.note] = 0

    def previous_token_head(self) -> None:
        """Head 0 of layer 0: look one back by rotation alone, and note what stands there."""
        attention = self.network.model.layers[0].self_attn
        rows = slice(0, self.head_dim)
        size = self._norm(CONSTANT**2 + self.num_content)
        fast = (self.frequencies > 0.05).nonzero()[:, 0]
        angle, half = self.frequencies[fast], self.head_dim // 2
        # The keys' constant is turned by one position against the queries': they agree one back.
        length = math.sqrt(_SHARPNESS * math.sqrt(self.head_dim)) * size / (CONSTANT * SPREAD)
        for projection in (attention.q_proj, attention.k_proj, attention.v_proj):
            projection.weight[rows] = 0
        attention.q_proj.weight[fast, 0] = length
        attention.k_proj.weight[fast, 0] = length * angle.cos()
        attention.k_proj.weight[half + fast, 0] = length * angle.sin()
        attention.v_proj.weight[: self.num_note, self.content] = self.code * size
        attention.o_proj.weight[:, rows] = 0
        attention.o_proj.weight[self.note, : self.num_note] = torch.eye(self.num_note)

    def matching_heads(self) -> None:
        """Layer 1: find where the token before was this one, and copy what stands there."""
        attention = self.network.model.layers[1].self_attn
        size = self._norm(CONSTANT**2 + self.num_content + self.num_note)
        dims = torch.cat([self.slow, self.head_dim // 2 + self.slow])
        length = math.sqrt(MATCH * math.sqrt(self.head_dim) / len(dims)) * size / SPREAD
        for projection in (attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj):
            projection.weight.zero_()
        share = math.ceil(self.num_content / self.num_heads)
        for head in range(self.num_heads):
            first = head * self.head_dim
            view = self._orthonormal(len(dims), self.num_note)
            attention.q_proj.weight[first + dims, self.content] = length * (view @ self.code)
            attention.k_proj.weight[first + dims, self.note] = length * view
            # Each head copies a part of the content; together they copy all of it.
            part = torch.arange(self.num_content)[head * share : (head + 1) * share] + 1
            columns = first + torch.arange(len(part))
            attention.v_proj.weight[columns, part] = size
            attention.o_proj.weight[part, columns] = STRENGTH

    def _norm(self, squares: float) -> float:
        """Root mean square of a stream whose parts have so many unit squares in all."""
        return SPREAD * math.sqrt(squares / self.width)

    def _orthonormal(self, num_rows: int, num_columns: int) -> torch.Tensor:
        size = max(num_rows, num_columns)
        square = torch.randn(size, size, generator=self.generator)
        return torch.linalg.qr(square)[0][:num_rows, :num_columns]
