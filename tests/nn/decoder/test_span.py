"""Tokens go behind what each row holds, in every layer's memory."""

import pytest
import torch

from acclimate.nn.decoder.kv_cache import WriteSpan


@pytest.mark.parametrize("lengths", [[3, 3], [4, 1], [0, 5]])
@pytest.mark.parametrize("num_new", [1, 3])
def test_each_row_at_its_own_place(lengths, num_new):
    span = WriteSpan(lengths, (2, num_new))
    for heads in (1, 2):
        held = torch.zeros(3, heads, 16, 4)  # room for one row more
        new = torch.rand(2, heads, num_new, 4)
        expected = held.clone()
        for row, length in enumerate(lengths):
            expected[row, :, length + 2 : length + 2 + num_new] = new[row]
        assert torch.equal(span.put(held, new), expected)
    assert span.end == max(lengths) + 2 + num_new
