"""Rows hold what they read, whichever way it came there."""

import torch

from acclimate.nn.decoder.kv_cache import KVCache


def segment(length, seed):
    """Keys and values of two layers of different shape, (H, T, E)."""
    draw = torch.Generator().manual_seed(seed)
    shapes = ((2, length, 4), (2, length, 3)), ((1, length, 4), (1, length, 5))
    return tuple(tuple(torch.rand(s, generator=draw) for s in pair) for pair in shapes)


def test_rows_made_of_segments_go_on():
    first, second, third = segment(5, 0), segment(2, 1), segment(200, 2)
    cache = KVCache.of([[first, second], [], [third]])
    assert cache.lengths == [7, 0, 200]
    new = segment(3, 3)
    for layer, pair in enumerate(new):
        rows = [x[None].expand(3, -1, -1, -1) for x in pair]
        cache.update(*rows, layer)
    cache.settle()
    expected = [(first, second, new), (new,), (third, new)]
    for row, parts in enumerate(expected):
        held = cache.segment(row, 0, cache.lengths[row])
        for layer, pair in enumerate(held):
            for which, found in enumerate(pair):
                assert torch.equal(found, torch.cat([part[layer][which] for part in parts], 1))


def test_places_behind_a_row_are_numbers():
    cache = KVCache.of([[segment(5, 0)], [segment(1, 1)]])
    for pair in cache.pairs:
        for held in pair:
            assert not held[0, :, 5:].any()
            assert not held[1, :, 1:].any()


def test_rows_of_nothing():
    cache = KVCache.of([[], []])
    assert cache.lengths == [0, 0]
    assert len(cache) == 0


def test_the_last_row_of_several_grows():
    cache, made = KVCache(3), torch.rand(3, 2, 5, 4)
    cache.update(made, made, 0)
    cache.settle()
    cache.select([0])
    more = torch.rand(1, 2, 400, 4)
    keys, _ = cache.update(more, more, 0)
    assert torch.equal(keys, torch.cat([made[:1], more], 2))
