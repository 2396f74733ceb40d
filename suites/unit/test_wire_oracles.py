from decimal import Decimal
from typing import Any

import pamqp.decode
import pika.data
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_broker.wire.methods import (
    decode_method,
    decode_properties,
    encode_header,
    encode_method,
)
from reference_broker.wire.spec import METHODS, PROPERTIES, MethodSpec
from reference_broker.wire.tables import ByteArray, Timestamp, Typed, decode_table, encode_table
from suites.unit.generated import (
    ARGUMENTS,
    DECIMALS,
    INTEGER_BITS,
    WORDS,
    arguments_of,
    integers,
    tables,
)
from suites.unit.oracles import (
    PAMQP,
    PIKA,
    Oracle,
    canonical,
    class_of,
    decode,
    encode,
    pamqp_header_of,
    pamqp_properties_of,
    pika_properties,
    pika_properties_of,
)

# What both know and ours does too: pamqp's clock ends in 2106, and a signed 32-bit integer is all
# that both take for the digits of a decimal. pika reads no floats, so they are pamqp's alone.
MOMENTS = st.integers(0, 2**32 - 1).map(Timestamp)
VALUES = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | WORDS
    | DECIMALS
    | MOMENTS
    | st.none()
    | st.binary(max_size=9).map(ByteArray)
)
KINDS = {
    **ARGUMENTS,
    "shortstr": WORDS,
    "longstr": WORDS.map(str.encode),
    "longlong": st.integers(0, 2**63 - 1),
    "table": tables(VALUES, 5),
}
PROPERTY_VALUES = {
    **KINDS,
    "shortstr": WORDS.filter(bool),
    "octet": st.sampled_from((1, 2)),
    "timestamp": MOMENTS,
}
# pamqp refuses a cluster-id, which is deprecated.
SETS = st.fixed_dictionaries({}, optional={n: PROPERTY_VALUES[kind] for n, kind in PROPERTIES[:-1]})
KNOWN = [
    pytest.param(oracle, spec, id=f"{label}-{spec.name}")
    for label, oracle in (("pamqp", PAMQP), ("pika", PIKA))
    for spec in METHODS.values()
    if class_of(oracle, spec) is not None
]
PIKA_MISREADS = {"connection.update-secret"}  # into an attribute of another name; a client's method
FEW = settings(max_examples=12)


def test_the_oracles_know_the_methods() -> None:
    """Each oracle knows all our methods but the relic access.request, which pamqp has dropped."""
    unknown = {name for name, spec in METHODS.items() if class_of(PAMQP, spec) is None}
    assert unknown <= {"access.request", "access.request-ok"}
    assert all(class_of(PIKA, spec) is not None for spec in METHODS.values())


@pytest.mark.parametrize(("oracle", "spec"), KNOWN)
@FEW
@given(data=st.data())
def test_methods_mean_the_same_to_others(
    oracle: Oracle, spec: MethodSpec, data: st.DataObject
) -> None:
    """What another codec writes we read, and what we write it reads, argument by argument."""
    arguments = data.draw(arguments_of(spec, KINDS))
    payload = encode_method(spec.name, **arguments)
    expected = canonical(arguments)
    if oracle is PAMQP or spec.name not in PIKA_MISREADS:
        assert _loose(decode(oracle, spec, payload[4:])) == _loose(expected)
    theirs = decode_method(payload[:4] + encode(oracle, spec, arguments))
    assert canonical(theirs.arguments) == expected


def _loose(arguments: dict[str, Any]) -> dict[str, Any]:
    """Long strings as octets: the oracles make text of them when they can."""
    return {
        name: value.encode() if isinstance(value, str) else value
        for name, value in arguments.items()
    }


@given(SETS, st.integers(0, 2**63))
def test_pamqp_reads_and_writes_our_properties(properties: dict[str, Any], body_size: int) -> None:
    """Any combination of properties means the same to pamqp, both ways."""
    header = encode_header(body_size, properties)
    assert pamqp_properties_of(header) == canonical(properties)
    theirs = pamqp_header_of(body_size, properties)
    assert canonical(decode_properties(theirs)) == canonical(properties)
    assert theirs[:14] == header[:14]


@given(SETS, st.text("0123456789ab", min_size=1))
def test_pika_reads_and_writes_our_properties(properties: dict[str, Any], cluster: str) -> None:
    """Any combination of properties means the same to pika, both ways."""
    properties = {**properties, "cluster_id": cluster}
    header = encode_header(0, properties)
    assert pika_properties_of(header[12:]) == canonical(properties)
    theirs = pika_properties({**properties, "timestamp": int(properties.get("timestamp", 0))})
    decoded = canonical(decode_properties(bytes(12) + theirs))
    assert decoded == canonical({**properties, "timestamp": properties.get("timestamp", 0)})


@pytest.mark.parametrize("mask", range(0, 2**13, 37))
def test_combinations_of_properties_have_the_same_octets(mask: int) -> None:
    """With values that leave no choice, all three write the very same octets."""
    values = {"shortstr": "v", "table": {"k": "text"}, "octet": 2, "timestamp": Timestamp(1)}
    chosen = {
        name: values[kind]
        for index, (name, kind) in enumerate(PROPERTIES[:-1])
        if mask >> index & 1
    }
    header = encode_header(3, chosen)
    assert pamqp_header_of(3, chosen) == header
    seconds = {**chosen, "timestamp": 1} if "timestamp" in chosen else chosen
    assert pika_properties(seconds) == header[12:]


@given(st.floats(width=32, allow_nan=False) | st.decimals("0", "9999", places=3))
def test_pamqp_reads_and_writes_our_fractions(value: float | Decimal) -> None:
    """Floats and decimals mean the same to pamqp, both ways."""
    spec = METHODS["queue.declare"]
    arguments = {"arguments": {"x": value}}
    payload = encode_method(spec.name, **arguments)
    assert decode(PAMQP, spec, payload[4:])["arguments"] == {"x": value}
    theirs = decode_method(payload[:4] + encode(PAMQP, spec, arguments))
    assert theirs.arguments["arguments"] == {"x": value}


@pytest.mark.parametrize("letter", INTEGER_BITS)
@given(data=st.data())
def test_every_letter_of_an_integer_means_the_same_to_others(
    letter: str, data: st.DataObject
) -> None:
    """Whichever of the eight letters stands before it, both oracles read the number as we do."""
    number = data.draw(integers(letter))
    table = encode_table({"k": Typed(letter, number)})
    assert decode_table(table, 0)[0] == {"k": number}
    assert pamqp.decode.field_table(table)[1] == {"k": number}
    assert pika.data.decode_table(table, 0)[0] == {"k": number}


@pytest.mark.parametrize("letter", "fd")
@given(value=st.floats(width=32, allow_nan=False))
def test_both_letters_of_a_fraction_mean_the_same_to_pamqp(letter: str, value: float) -> None:
    """Single and double precision are told apart; pika, which makes integers of both, is left out.

    What fits single precision is exact in either.
    """
    table = encode_table({"k": Typed(letter, value)})
    assert decode_table(table, 0)[0] == pamqp.decode.field_table(table)[1] == {"k": value}
