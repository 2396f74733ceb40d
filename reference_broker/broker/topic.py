"""Topic matching by a trie of words (specification 3.1.3.3).

A pattern's words are separated by dots; `*` stands for exactly one word, `#` for zero or more. The
cost of a match grows with the words of the key and the wildcards met, not with the number of
patterns that do not match.
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class _Node(Generic[T]):
    __slots__ = ("children", "values")

    def __init__(self) -> None:
        self.children: dict[str, _Node[T]] = {}
        self.values: dict[T, None] = {}


class TopicTrie(Generic[T]):
    """Patterns with the values that were added under each."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()

    def add(self, pattern: str, value: T) -> None:
        """Add a value under a pattern."""
        node = self._root
        for word in pattern.split("."):
            node = node.children.setdefault(word, _Node())
        node.values[value] = None

    def remove(self, pattern: str, value: T) -> None:
        """Remove a value that was added, and the branches that nothing needs any more."""
        path = [self._root]
        words = pattern.split(".")
        for word in words:
            path.append(path[-1].children[word])
        del path[-1].values[value]
        for parent, word, node in reversed(list(zip(path, words, path[1:], strict=False))):
            if node.values or node.children:
                break
            del parent.children[word]

    def match(self, key: str) -> Iterator[T]:
        """Each value whose pattern matches the key; one may come more than once."""
        # An empty key is zero words (RabbitMQ): `#` matches it, `*` does not.
        words = key.split(".") if key else []
        stack = [(self._root, 0)]
        if not words and "" in self._root.children:
            yield from self._root.children[""].values  # the empty pattern is no word either
        seen = set()
        while stack:
            state = stack.pop()
            node, index = state
            if (id(node), index) in seen:
                continue
            seen.add((id(node), index))
            yield from self._step(node, index, words, stack)

    @staticmethod
    def _step(
        node: _Node[T], index: int, words: list[str], stack: list[tuple[_Node[T], int]]
    ) -> Iterator[T]:
        rest = node.children.get("#")
        if rest is not None:
            stack.extend((rest, later) for later in range(index, len(words) + 1))
        if index == len(words):
            yield from node.values
            return
        for word in {words[index], "*"} - {"#"}:
            child = node.children.get(word)
            if child is not None:
                stack.append((child, index + 1))
