"""Routing by topic exchanges: which keys a pattern matches."""

from dataclasses import dataclass

import pytest

from suites import verify
from suites.amqp.steps import drain
from suites.amqp.topology import bound_queue, new_exchange, publish_keys
from suites.clients.raw import RawClient
from suites.harness.names import Names

WORDS = 100
SHOWN = 12  # of a key in the name of its test


@dataclass(frozen=True)
class Pattern:
    """A binding key, with routing keys that it matches and some that it does not."""

    key: str
    matches: tuple[str, ...]
    others: tuple[str, ...]


def pattern(identifier: str, key: str, matches: tuple[str, ...], others: tuple[str, ...]) -> object:
    """A pattern that decides this requirement."""
    mark = pytest.mark.requirement(identifier)
    name = f"{identifier.removeprefix('route/topic-')}:{key[:SHOWN]}"
    return pytest.param(Pattern(key, matches, others), marks=mark, id=name)


@pytest.mark.parametrize(
    "case",
    [
        pattern("route/topic-star", "*", ("a", "abc"), ("a.b", "a.b.c")),
        pattern("route/topic-star", "a.*", ("a.b", "a.c"), ("a", "a.b.c", "b.a", "ab")),
        pattern("route/topic-star", "*.b", ("a.b", "x.b"), ("b", "a.b.c", "a.a.b", "a.c")),
        pattern("route/topic-star", "a.*.c", ("a.b.c", "a.x.c"), ("a.c", "a.b.b.c", "a.b.d")),
        pattern("route/topic-star", "*.*", ("a.b",), ("a", "a.b.c")),
        pattern("route/topic-hash", "#", ("", "a", "a.b", "a.b.c.d"), ()),
        pattern("route/topic-hash", "#.c", ("c", "b.c", "a.b.c"), ("", "c.d", "a.cc")),
        pattern("route/topic-hash", "a.b.#", ("a.b", "a.b.c", "a.b.c.d"), ("a", "a.c.b", "b.a.b")),
        pattern("route/topic-hash-zero", "a.#", ("a", "a.b", "a.b.c"), ("", "b", "b.a", "ab")),
        pattern(
            "route/topic-hash-middle",
            "a.#.c",
            ("a.c", "a.b.c", "a.x.y.c", "a.c.c"),
            ("a", "c", "a.c.d", "b.c"),
        ),
        pattern("route/topic-multi-hash", "#.a.#", ("a", "a.b", "b.a", "b.a.c"), ("", "b", "b.aa")),
        pattern("route/topic-multi-hash", "#.#", ("", "a", "a.b", "a.b.c"), ()),
        pattern(
            "route/topic-multi-hash",
            "#.a.#.b.#",
            ("a.b", "x.a.b", "a.x.b", "a.b.x", "x.a.y.y.b.z"),
            ("a", "b", "b.a", "x.b.a.x"),
        ),
        pattern("route/topic-hash-star", "#.*", ("a", "a.b", "a.b.c"), ("",)),
        pattern("route/topic-hash-star", "*.#", ("a", "a.b", "a.b.c"), ("",)),
        pattern("route/topic-hash-star", "*.#.*", ("a.b", "a.b.c"), ("", "a")),
        pattern("route/topic-empty-key", "", ("",), ("a", "a.b")),
        pattern("route/topic-literal", "a.b", ("a.b",), ("a", "b", "a.b.c", "a.c", "A.b", "ab")),
        pattern("route/topic-wildcard-in-key", "a.b", ("a.b",), ("a.*", "a.#", "*.b", "*", "#")),
        pattern("route/topic-wildcard-in-key", "a.*", ("a.*", "a.#"), ("#", "*.b")),
        pattern("route/topic-partial-word", "ab*", ("ab*",), ("ab", "abc", "ab.c")),
        pattern("route/topic-partial-word", "ab#.c", ("ab#.c",), ("ab.c", "abc.c", "ab.x.c")),
        pattern("route/topic-partial-word", "**", ("**",), ("a", "a.b", "")),
        pattern(
            "route/topic-many-words",
            "#.last",
            (".".join(["w"] * WORDS + ["last"]),),
            (".".join(["w"] * WORDS),),
        ),
        pattern(
            "route/topic-many-words",
            ".".join(["*"] * WORDS),
            (".".join("w" * WORDS),),
            (".".join("w" * (WORDS + 1)), ".".join("w" * (WORDS - 1))),
        ),
    ],
)
def test_pattern(client: RawClient, names: Names, case: Pattern) -> None:
    """A pattern matches these keys and no others: * is one word, # is zero or more."""
    exchange = new_exchange(client, names, "topic")
    queue = bound_queue(client, names, exchange, case.key)
    publish_keys(client, exchange, (*case.others, *case.matches))
    verify.equal(drain(client, queue), [key.encode() for key in case.matches], "arrived")


@pytest.mark.requirement("route/topic-empty-key")
@pytest.mark.parametrize(("key", "arrives"), [("#", [b"empty"]), ("*", []), ("#.*", [])])
def test_empty_key(client: RawClient, names: Names, key: str, arrives: list[bytes]) -> None:
    """An empty routing key has no words: # matches it, a pattern that needs a word does not."""
    exchange = new_exchange(client, names, "topic")
    queue = bound_queue(client, names, exchange, key)
    client.publish(1, exchange, "", b"empty")
    client.publish(1, exchange, "word", b"word")
    verify.equal(drain(client, queue), [*arrives, b"word"], "arrived")


@pytest.mark.requirement("route/topic-empty-words")
@pytest.mark.parametrize(
    ("key", "matches"),
    [
        ("*.*", [b".a", b"a.", b"."]),
        ("a.*.b", [b"a..b"]),
        ("a.#", [b"a..b", b"a."]),
        ("a..b", [b"a..b"]),
        ("*.a", [b".a"]),
    ],
)
def test_empty_words(client: RawClient, names: Names, key: str, matches: list[bytes]) -> None:
    """Between, before and after dots an empty word is a word."""
    exchange = new_exchange(client, names, "topic")
    queue = bound_queue(client, names, exchange, key)
    publish_keys(client, exchange, ["a..b", ".a", "a.", "."])
    verify.equal(drain(client, queue), matches, "arrived")
