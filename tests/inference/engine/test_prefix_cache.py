"""The tree of prefixes: a dictionary of all prefixes knows what it must hold."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

from acclimate.inference.engine.prefix_cache import RadixPrefixCache
from acclimate.nn.decoder.kv_cache import KVCache

NUM_LAYERS, H, E = 2, 2, 3
TOKEN_BYTES = NUM_LAYERS * 2 * H * E * 4
PLENTY = 10**9


def held_of(ids, route):
    """Keys and values (T, H, E) that tell all tokens up to their own, and the route, apart."""
    rows = []
    for place in range(len(ids)):
        seed = hash((tuple(ids[: place + 1]), route)) % 2**31
        rows.append(torch.rand(H, E, generator=torch.Generator().manual_seed(seed)))
    return torch.stack(rows)


def segment_of(ids, route):
    whole = held_of(ids, route).transpose(0, 1)  # (H, T, E)

    def copy(start, end):
        part = whole[:, start:end]
        return tuple((part.clone() + layer, -part - layer) for layer in range(NUM_LAYERS))

    return copy


def insert(tree, ids, route=None):
    tree.insert(ids, route, segment_of(ids, route))


def joined(segments):
    return [torch.cat([s[layer][0] for s in segments], 1) for layer in range(NUM_LAYERS)]


def is_right(ids, route, num_tokens, segments):
    if not num_tokens:
        return segments == []
    want = segment_of(ids, route)(0, num_tokens)
    return all(torch.equal(a, b[0]) for a, b in zip(joined(segments), want, strict=True))


def nodes(tree):
    waiting = list(tree._roots.values())
    while waiting:
        node = waiting.pop()
        waiting += node.children.values()
        if node.parent is not None:
            yield node


def true_bytes(tree):
    """Of whole storages: a view that keeps more alive than it shows would be seen."""
    tensors = [x for node in nodes(tree) for pair in node.segment for x in pair]
    return sum(x.untyped_storage().nbytes() for x in tensors)


prompts = st.lists(st.integers(0, 1), min_size=1, max_size=8)
routes = st.sampled_from([None, 0])
calls = st.lists(st.tuples(st.booleans(), prompts, routes), max_size=25)


@settings(max_examples=300, deadline=None)
@given(calls)
def test_holds_every_prefix_of_what_was_inserted(calls):
    tree, prefixes = RadixPrefixCache(PLENTY), set()
    for is_insert, ids, route in calls:
        if is_insert:
            insert(tree, ids, route)
            prefixes |= {(route, tuple(ids[:n])) for n in range(1, len(ids) + 1)}
        else:
            known = [n for n in range(len(ids)) if (route, tuple(ids[:n])) in prefixes]
            num_tokens, segments = tree.match(ids, route)
            assert num_tokens == max(known, default=0)
            assert is_right(ids, route, num_tokens, segments)
    assert tree.num_bytes == len(prefixes) * TOKEN_BYTES == true_bytes(tree)


@settings(max_examples=300, deadline=None)
@given(calls, st.integers(0, 12 * TOKEN_BYTES))
def test_never_more_than_its_budget_and_never_wrong(calls, max_bytes):
    tree = RadixPrefixCache(max_bytes)
    for is_insert, ids, route in calls:
        if is_insert:
            insert(tree, ids, route)
            # As much of the newest as there can be is there.
            want = min(len(ids), max_bytes // TOKEN_BYTES)
            assert tree.match([*ids, 0], route)[0] == want
        num_tokens, segments = tree.match(ids, route)
        assert is_right(ids, route, num_tokens, segments)
        assert tree.num_bytes == true_bytes(tree) <= max_bytes
        assert len(tree) == len(list(nodes(tree)))


def test_split_in_the_middle():
    tree = RadixPrefixCache(PLENTY)
    for ids in ([1, 2], [1, 3, 1]):
        insert(tree, ids)
    assert [tree.match([*ids, 9])[0] for ids in ([1, 2], [1, 3, 1], [1, 1])] == [2, 3, 1]
    assert tree.num_bytes == 4 * TOKEN_BYTES


def test_longest_unused_leaves_first():
    tree = RadixPrefixCache(6 * TOKEN_BYTES)
    insert(tree, [1, 1, 1])
    insert(tree, [1, 1, 2])
    insert(tree, [3, 3])
    tree.match([1, 1, 1, 0])
    insert(tree, [4])
    assert tree.match([1, 1, 2, 0])[0] == 2
    assert tree.match([3, 3, 0])[0] == 2
    assert tree.match([1, 1, 1, 0])[0] == 3
    assert tree.num_evictions == 1


def test_a_prefix_in_use_makes_no_room_for_what_follows_it():
    tree = RadixPrefixCache(4 * TOKEN_BYTES)
    insert(tree, [1, 2, 3])
    insert(tree, [1, 2, 4, 5, 6])
    assert tree.match([1, 2, 4, 5, 6, 7])[0] == 4
    assert tree.match([1, 2, 3, 0])[0] == 2


def test_only_what_is_missing_is_copied():
    tree, asked = RadixPrefixCache(PLENTY), []
    first, second = [1, 2, 3, 4], [1, 2, 5]
    for ids in (first, second, second, [1, 2]):

        def of(start, end, ids=ids):
            asked.append((start, end))
            return segment_of(ids, None)(start, end)

        tree.insert(ids, None, of)
    # One token by itself tells how many bytes one takes.
    assert asked == [(0, 1), (0, 4), (2, 3)]


def test_counts():
    tree = RadixPrefixCache(PLENTY)
    assert tree.match([1, 2, 3]) == (0, [])
    insert(tree, [1, 2, 3])
    tree.match([1, 2, 3])
    tree.match([1, 2, 3, 4])
    tree.match([1])
    assert (tree.num_hits, tree.num_tokens_served, tree.num_evictions) == (2, 5, 0)
    tree.clear()
    assert (tree.num_bytes, len(tree), tree.match([1, 2, 3])[0]) == (0, 0, 0)


def test_routes_share_nothing():
    tree = RadixPrefixCache(PLENTY)
    insert(tree, [1, 2, 3], 0)
    assert [tree.match([1, 2, 3], route)[0] for route in (None, -1, 1, 0)] == [0, 0, 0, 2]


def test_other_weights_forget():
    tree = RadixPrefixCache(PLENTY)
    tree.renew(7)
    insert(tree, [1, 2, 3])
    tree.renew(7)
    assert tree.match([1, 2, 3])[0] == 2
    tree.renew(8)
    assert tree.match([1, 2, 3])[0] == 0


def read(network, cache, ids):
    """Logits (T, V) of tokens read onto a row."""
    first = cache.lengths[0]
    positions = torch.arange(first, first + len(ids))[None]
    inputs = {"input_ids": torch.tensor([ids]), "position_ids": positions}
    logits = network(past_key_values=cache, use_cache=True, **inputs).logits[0]
    cache.settle()
    return logits


@pytest.mark.parametrize("family", ["llama", "qwen3", "gpt2"])
@torch.inference_mode()
def test_a_row_built_from_segments_says_the_same(family, model_folder):
    network = AutoModelForCausalLM.from_pretrained(model_folder(family)).eval()
    tree = RadixPrefixCache(PLENTY)
    stored = [[5, 6, 7, 8, 9, 10, 11, 12], [5, 6, 7, 30, 31], [5, 6, 7, 8, 9, 40]]
    for ids in stored:
        cache = KVCache(1)
        read(network, cache, ids)
        tree.insert(ids, None, lambda start, end, cache=cache: cache.segment(0, start, end))
    for ids, num_held in (
        ([5, 6, 7, 8, 9, 10, 50, 51], 6),
        ([5, 6, 7, 30, 31], 4),
        ([5, 6, 60], 2),
    ):
        num_tokens, segments = tree.match(ids)
        assert num_tokens == num_held
        cache = KVCache.of([segments])
        assert cache.lengths == [num_held]
        whole = network(torch.tensor([ids])).logits[0, num_held:]
        torch.testing.assert_close(read(network, cache, ids[num_held:]), whole)
