"""Where new tokens of rows of different lengths go in memory.

Letters: B rows, T new tokens, S places, H key heads, E head width.
"""

import torch


class Span:
    """Places of new tokens, each row's behind what it holds."""

    def __init__(self, lengths: list[int], asked: tuple[int, int]) -> None:
        """Begin behind rows of these lengths.

        Args:
            lengths: Tokens that each row holds.
            asked: Places behind them that are filled already, and new tokens, T.
        """
        self.lengths, self.asked = lengths, asked
        pending, num_new = asked
        self.first, longest = min(lengths) + pending, max(lengths) + pending
        self.is_even, self.end = self.first == longest, longest + num_new
        self.index: dict[tuple[int, ...], torch.Tensor] = {}

    def put(self, held: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
        """Write tokens (B, H, T, E) into memory (B', H, S', E), which is given back."""
        if self.is_even:
            held[: new.shape[0], :, self.first : self.end] = new
        else:
            lines = held.view(-1, held.shape[3])
            lines.index_copy_(0, self._lines(held), new.reshape(-1, new.shape[3]))
        return held

    def _lines(self, held: torch.Tensor) -> torch.Tensor:
        """Which lines (B'HS', E) of a layer's memory the tokens are, (BHT,)."""
        key = held.shape[1], held.shape[2]
        if key not in self.index:
            pending, num_new = self.asked
            starts = torch.tensor(self.lengths, device=held.device) + pending
            own = torch.arange(len(starts) * key[0], device=held.device) * key[1]
            first = own.view(-1, key[0]) + starts[:, None]  # (B, H)
            steps = torch.arange(num_new, device=held.device)
            self.index[key] = (first[..., None] + steps).flatten()
        return self.index[key]
