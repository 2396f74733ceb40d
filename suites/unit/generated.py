"""Hypothesis strategies for what the wire may carry: strings, tables, methods, properties."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from reference_broker.wire.spec import METHODS, PROPERTIES, MethodSpec
from reference_broker.wire.tables import ByteArray, Timestamp, Typed

# A busy machine makes an example slow now and then; the tests' own timeout bounds them.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

INTEGER_BITS = {"b": 8, "B": 8, "s": 16, "u": 16, "I": 32, "i": 32, "l": 64, "L": 64}
UNSIGNED = "Bui"
WORDS = st.text("abcXYZ019-_.:", max_size=20)
"""Names that every client library lets pass."""

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
SHORT_STRINGS = TEXTS.filter(lambda text: len(text.encode()) <= 255)
DECIMALS = st.builds(
    lambda digits, scale: Decimal(digits).scaleb(-scale),
    st.integers(0, 2**31 - 1),
    st.integers(0, 20),
)


def integers(letter: str) -> SearchStrategy[int]:
    """Whole numbers that the type letter holds, its bounds among them."""
    bits = INTEGER_BITS[letter]
    if letter in UNSIGNED:
        return st.integers(0, 2**bits - 1)
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


SCALARS: dict[str, SearchStrategy[Any]] = {
    **{letter: integers(letter) for letter in INTEGER_BITS},
    "t": st.booleans(),
    "f": st.floats(width=32, allow_nan=False),
    "d": st.floats(allow_nan=False),
    "D": DECIMALS,
    "S": TEXTS,
    "T": st.integers(0, 2**64 - 1).map(Timestamp),
    "V": st.none(),
    "x": st.binary(max_size=20).map(ByteArray),
}
"""Type letter -> values that decode to themselves."""

TYPED_SCALARS = st.one_of(
    *(st.builds(Typed, st.just(letter), values) for letter, values in SCALARS.items())
)
PLAIN_SCALARS = st.one_of(
    *(SCALARS[letter] for letter in "tlDSTVx"),
    st.floats(allow_nan=False, allow_infinity=False),  # a broker takes no other
)


def tables(values: SearchStrategy[Any], max_leaves: int = 8) -> SearchStrategy[dict[str, Any]]:
    """Tables of such values, nested in tables and arrays."""
    nested = st.recursive(
        values,
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(SHORT_STRINGS, inner, max_size=4)
        ),
        max_leaves=max_leaves,
    )
    return st.dictionaries(SHORT_STRINGS, nested, max_size=4)


TABLES = tables(PLAIN_SCALARS)

ARGUMENTS: dict[str, SearchStrategy[Any]] = {
    "bit": st.booleans(),
    "octet": st.integers(0, 2**8 - 1),
    "short": st.integers(0, 2**16 - 1),
    "long": st.integers(0, 2**32 - 1),
    "longlong": st.integers(0, 2**64 - 1),
    "timestamp": st.integers(0, 2**64 - 1),
    "shortstr": SHORT_STRINGS,
    "longstr": st.binary(max_size=40),
    "table": TABLES,
}
"""Argument type -> values that decode to themselves."""


def arguments_of(
    spec: MethodSpec, kinds: dict[str, SearchStrategy[Any]] = ARGUMENTS
) -> SearchStrategy[dict[str, Any]]:
    """All arguments of a method but the reserved ones."""
    return st.fixed_dictionaries(
        {name: kinds[kind] for name, kind in spec.arguments if not name.startswith("reserved")}
    )


METHOD_CALLS = st.sampled_from(sorted(METHODS)).flatmap(
    lambda name: st.tuples(st.just(METHODS[name]), arguments_of(METHODS[name]))
)
PROPERTY_SETS = st.fixed_dictionaries(
    {}, optional={name: ARGUMENTS[kind] for name, kind in PROPERTIES}
)


def splits(data: bytes) -> SearchStrategy[list[bytes]]:
    """The same octets in pieces, none of them empty."""
    if not data:
        return st.just([])
    cuts = st.sets(st.integers(1, max(1, len(data) - 1)), max_size=min(12, len(data) - 1))
    return cuts.map(lambda chosen: cut(data, sorted(chosen - {len(data)})))


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The octets, cut at these places."""
    bounds = [0, *places, len(data)]
    return [data[start:end] for start, end in pairwise(bounds)]
