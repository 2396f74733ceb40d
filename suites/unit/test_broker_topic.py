import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.broker.topic import TopicTrie
from suites.stateful.routing import topic_matches, words

WORDS = st.sampled_from(("a", "b", "", "*", "#"))
PATTERNS = st.lists(WORDS, max_size=5).map(".".join)
KEYS = st.lists(st.sampled_from(("a", "b", "c", "", "*", "#")), max_size=6).map(".".join)


def matches(trie: TopicTrie[str], key: str) -> set[str]:
    """The values that match the key."""
    return set(trie.match(key))


@given(st.sets(PATTERNS, max_size=12), KEYS)
def test_matching_equals_the_definition(patterns: set[str], key: str) -> None:
    """Of any patterns, those match that the definition says."""
    trie: TopicTrie[str] = TopicTrie()
    for pattern in patterns:
        trie.add(pattern, pattern)
    expected = {p for p in patterns if topic_matches(words(p), words(key))}
    assert matches(trie, key) == expected


@given(st.lists(PATTERNS, max_size=12), st.data())
def test_removing_undoes_adding(patterns: list[str], data: st.DataObject) -> None:
    """With some removed, in any order, the others match as if those had never been there."""
    trie: TopicTrie[int] = TopicTrie()
    for number, pattern in enumerate(patterns):
        trie.add(pattern, number)
    gone = (
        data.draw(st.lists(st.sampled_from(range(len(patterns))), unique=True)) if patterns else []
    )
    for number in gone:
        trie.remove(patterns[number], number)
    key = data.draw(KEYS)
    assert set(trie.match(key)) == {
        number
        for number, pattern in enumerate(patterns)
        if number not in gone and topic_matches(words(pattern), words(key))
    }


@given(st.lists(PATTERNS, min_size=1, max_size=12))
def test_an_emptied_trie_holds_nothing(patterns: list[str]) -> None:
    """Removing all that was added leaves no branch behind."""
    trie: TopicTrie[int] = TopicTrie()
    for number, pattern in enumerate(patterns):
        trie.add(pattern, number)
    for number, pattern in enumerate(patterns):
        trie.remove(pattern, number)
    assert not trie._root.children  # noqa: SLF001  nothing else shows a leak
    assert not trie._root.values  # noqa: SLF001  the same


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("", [""], [".", "a"]),
        ("#", ["", "a", "a.b", "."], []),
        ("*", ["a", "#", "*"], ["", "a.b", "."]),
        ("#.", ["a.", "."], ["", "a"]),
        ("a.#", ["a", "a.b.c", "a."], ["", "b.a"]),
        ("#.a", ["a", "b.a", ".a"], ["", "a.b"]),
        ("*.#", ["a", "a.b", "."], [""]),
        ("#.*.#", ["a", "a.b"], [""]),
        ("a.*.c", ["a.b.c", "a..c"], ["a.c", "a.b.b.c"]),
        ("a.#.c", ["a.c", "a.b.c", "a.b.b.c"], ["a", "a.b"]),
        ("stock.*.nyse", ["stock.ibm.nyse"], ["stock.nyse", "Stock.ibm.nyse"]),
        ("a*", ["a*"], ["ab"]),
    ],
)
def test_patterns_by_hand(pattern: str, matching: list[str], others: list[str]) -> None:
    """Wildcards stand for whole words only: `*` for one, `#` for any number."""
    trie: TopicTrie[str] = TopicTrie()
    trie.add(pattern, "value")
    assert [key for key in matching + others if matches(trie, key)] == matching


def test_many_hashes_stay_cheap() -> None:
    """A pattern of many `#` against a long key is matched in polynomial time."""
    trie: TopicTrie[str] = TopicTrie()
    trie.add(".".join(["#", "a"] * 30), "value")
    assert matches(trie, ".".join("a" * 100)) == {"value"}
    assert matches(trie, ".".join("b" * 100)) == set()
