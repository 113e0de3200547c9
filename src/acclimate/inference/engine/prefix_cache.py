"""The prefix cache: keys and values of earlier prompts in a radix tree.

Prompts that begin alike share the nodes of what they begin with; each node holds the keys and
values of its tokens (Zheng et al. 2023, "SGLang: Efficient Execution of Structured Language Model
Programs", https://arxiv.org/abs/2312.07104, section 3). A token's keys and values follow from the
tokens before it, the weights and the adapter, so a cache is of one network and has a root for each
route.

Letters: H key heads, T tokens, E head width.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence

from acclimate.nn.decoder.kv_cache import Segment

SegmentOf = Callable[[int, int], Segment]
"""A copy of the keys and values of a prompt's tokens from a first position to before a last."""


class _Node:
    """Tokens that follow those of the parent, with their keys and values."""

    __slots__ = ("children", "ids", "parent", "segment")

    def __init__(self, ids: Sequence[int], segment: Segment, parent: "_Node | None") -> None:
        self.ids, self.segment, self.parent = list(ids), segment, parent
        self.children: dict[int, _Node] = {}
        """By their first token."""


class RadixPrefixCache:
    """Keys and values of what one network read; for one thread at a time.

    The least recently used leaf is evicted where `max_bytes` would be exceeded.
    """

    def __init__(self, max_bytes: int) -> None:
        """Hold nothing; keys and values may take so many bytes."""
        self.max_bytes = max_bytes
        self.num_bytes = 0
        """Of keys and values held."""
        self.num_hits = 0
        """Matches of one token at least."""
        self.num_tokens_served = 0
        """Tokens that did not have to be read again."""
        self.num_evictions = 0
        self._token_bytes = 0
        self._roots: dict[int | None, _Node] = {}
        self._by_use: OrderedDict[_Node, None] = OrderedDict()
        """Longest unused first. A parent is always behind its children, so the first is a leaf."""
        self._weights_version = 0

    def __len__(self) -> int:
        """Number of nodes held."""
        return len(self._by_use)

    def match(self, ids: Sequence[int], route: int | None = None) -> tuple[int, list[Segment]]:
        """Find the longest prefix that is held: its number of tokens, and its segments in order.

        The last token never counts: a network must read one to predict the next. The segments are
        views; copy them (as `KVCache.of` does) before the cache is used again.
        """
        wanted = list(ids[:-1])
        segments, num_tokens, path = [], 0, []
        for node, num_alike in self._walk(wanted, route):
            path.append(node)
            num_tokens += num_alike
            is_whole = num_alike == len(node.ids)
            segments.append(node.segment if is_whole else _cut(node.segment, 0, num_alike))
        self._touch(path)
        self.num_hits += num_tokens > 0
        self.num_tokens_served += num_tokens
        return num_tokens, segments

    def insert(self, ids: Sequence[int], route: int | None, segment_of: SegmentOf) -> None:
        """Hold the keys and values of these tokens, of as many of the first as there is room for.

        Least recently used leaves are evicted for them; none that these tokens begin with is.

        Args:
            ids: Tokens that were read, from the first on.
            route: The adapter that they went through; a match is always of one route.
            segment_of: Called for the tokens that are not held yet.
        """
        wanted = list(ids)
        node, start = self._roots.setdefault(route, _Node((), (), None)), 0
        path: list[_Node] = []
        for match, num_alike in self._walk(wanted, route):
            start += num_alike
            is_whole = num_alike == len(match.ids) or start == len(wanted)
            node = match if is_whole else self._split(match, num_alike)
            path.append(node)
        self._touch(path)
        end = self._end_of_room(wanted, start, path, segment_of)
        if end > start:
            leaf = _Node(wanted[start:end], segment_of(start, end), node)
            node.children[wanted[start]] = leaf
            self.num_bytes += _bytes(leaf.segment)
            self._touch([*path, leaf])

    def renew(self, weights_version: int) -> None:
        """Drop everything if the network's `weights_version` is another than last time."""
        if weights_version != self._weights_version:
            self.clear()
            self._weights_version = weights_version

    def clear(self) -> None:
        """Drop everything but the counts."""
        self._roots.clear()
        self._by_use.clear()
        self.num_bytes = self._token_bytes = 0

    def _walk(self, ids: list[int], route: int | None) -> Iterator[tuple[_Node, int]]:
        """Nodes along the tokens, each with the number of its tokens that match."""
        node, position = self._roots.get(route), 0
        while node is not None and position < len(ids):
            node = node.children.get(ids[position])
            if node is not None:
                num_alike = _num_alike(node.ids, ids[position : position + len(node.ids)])
                position += num_alike
                # Before the node is yielded: the caller may split it.
                next_node = node if num_alike == len(node.ids) else None
                yield node, num_alike
                node = next_node

    def _split(self, node: _Node, num_tokens: int) -> _Node:
        """Split a node after so many tokens; the new upper one. Copies: a view would keep both."""
        parent, ids, segment = node.parent, node.ids, node.segment
        upper = _Node(ids[:num_tokens], _copy(_cut(segment, 0, num_tokens)), parent)
        node.ids, node.parent = ids[num_tokens:], upper
        node.segment = _copy(_cut(segment, num_tokens, len(ids)))
        upper.children[node.ids[0]] = node
        if parent is not None:
            parent.children[ids[0]] = upper
        return upper

    def _end_of_room(
        self, ids: list[int], start: int, path: list[_Node], segment_of: SegmentOf
    ) -> int:
        """Evict leaves to make room; the position up to which tokens then have room."""
        if start == len(ids):
            return start
        self._token_bytes = self._token_bytes or _bytes(segment_of(start, start + 1))
        room = self.max_bytes - sum(_bytes(node.segment) for node in path)
        end = min(len(ids), start + room // self._token_bytes)
        while self.num_bytes + (end - start) * self._token_bytes > self.max_bytes:
            self._evict(next(iter(self._by_use)))
        return end

    def _evict(self, leaf: _Node) -> None:
        del self._by_use[leaf]
        if leaf.parent is not None:
            del leaf.parent.children[leaf.ids[0]]
        self.num_bytes -= _bytes(leaf.segment)
        self.num_evictions += 1

    def _touch(self, path: list[_Node]) -> None:
        for node in reversed(path):
            self._by_use[node] = None
            self._by_use.move_to_end(node)


def _num_alike(held: list[int], ids: list[int]) -> int:
    """Number of tokens that both begin with."""
    shorter = min(len(held), len(ids))
    if held[:shorter] == ids[:shorter]:
        return shorter
    return next(position for position in range(shorter) if held[position] != ids[position])


def _cut(segment: Segment, start: int, end: int) -> Segment:
    """Views (H, T, E) of some of its tokens."""
    return tuple((keys[:, start:end], values[:, start:end]) for keys, values in segment)


def _copy(segment: Segment) -> Segment:
    return tuple((keys.clone(), values.clone()) for keys, values in segment)


def _bytes(segment: Segment) -> int:
    return sum(x.numel() * x.element_size() for pair in segment for x in pair)
