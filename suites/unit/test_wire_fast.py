from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.protocol.content import Assembly
from reference_broker.wire import fast
from reference_broker.wire.errors import HardError, WireError
from reference_broker.wire.framing import (
    END,
    PREFIX,
    FrameReader,
    content_frames,
    encode_frame,
    method_frame,
)
from reference_broker.wire.methods import encode_method, encode_properties
from reference_broker.wire.spec import METHODS, PROPERTIES
from reference_broker.wire.tables import encode_shortstr
from suites.unit.generated import ARGUMENTS, PROPERTY_SETS, SHORT_STRINGS

LOOKED_AT = {"headers", "priority", "expiration", "user_id"}
PLAIN_SETS = st.fixed_dictionaries(
    {}, optional={name: ARGUMENTS[kind] for name, kind in PROPERTIES if name not in LOOKED_AT}
)
PUBLISH = encode_method("basic.publish", routing_key="k")


@given(PROPERTY_SETS)
def test_delivery_mode_equals_its_twin(properties: dict[str, Any]) -> None:
    """Where the fast reader knows the delivery-mode at all, it is the one that the table gives."""
    encoded = encode_properties(properties)
    mode = fast.plain_delivery_mode(encoded)
    assert mode in {None, fast.delivery_mode_by_table(encoded)}
    assert (mode is None) == bool(LOOKED_AT & properties.keys())


def test_delivery_mode_with_a_direct_reply_to() -> None:
    """A reply-to that asks for direct replies is left to the table; any other counts as none."""
    for reply_to, mode in (("q", 2), ("amq.rabbitmq.reply-to", None)):
        properties = encode_properties({"delivery_mode": 2, "reply_to": reply_to})
        assert fast.plain_delivery_mode(properties) == mode


@given(
    st.integers(0, 2**16 - 1).map(lambda flags: flags.to_bytes(2, "big")) | st.just(b""),
    st.binary(max_size=30),
)
def test_delivery_mode_of_arbitrary_octets(flags: bytes, octets: bytes) -> None:
    """What the table cannot decode, the fast reader leaves to it."""
    encoded = flags + octets
    mode = fast.plain_delivery_mode(encoded)
    try:
        expected = fast.delivery_mode_by_table(encoded)
    except WireError:
        assert mode is None
    else:
        assert mode in {None, expected}


@given(PLAIN_SETS, st.data())
def test_delivery_mode_of_cut_properties(properties: dict[str, Any], data: st.DataObject) -> None:
    """Properties cut or lengthened anywhere are left to the table, which refuses them."""
    encoded = encode_properties(properties)
    wrong = encoded[: data.draw(st.integers(0, len(encoded) - 1))]
    for octets in (wrong, encoded + b"\x00"):
        assert fast.plain_delivery_mode(octets) is None
        with pytest.raises(WireError):
            fast.delivery_mode_by_table(octets)


@given(
    st.integers(0, 2**16 - 1),
    SHORT_STRINGS,
    st.integers(0, 2**64 - 1),
    st.booleans(),
    SHORT_STRINGS,
    SHORT_STRINGS,
)
def test_deliver_equals_its_twin(
    channel: int, tag: str, delivery_tag: int, redelivered: bool, exchange: str, key: str
) -> None:
    """The prepared parts of a basic.deliver around a delivery tag are the whole frame."""
    before, first, again = fast.deliver_parts(channel, *map(encode_shortstr, (tag, exchange, key)))
    assert before + fast.pack_tag(delivery_tag) + (again if redelivered else first) == method_frame(
        channel,
        "basic.deliver",
        consumer_tag=tag,
        delivery_tag=delivery_tag,
        redelivered=redelivered,
        exchange=exchange,
        routing_key=key,
    )


@given(st.integers(0, 2**16 - 1), st.integers(0, 2**64 - 1), st.booleans())
def test_ack_equals_its_twin(channel: int, tag: int, multiple: bool) -> None:
    """A basic.ack from its start is the whole frame."""
    frame = fast.ack_frame(fast.ack_start(channel), tag, multiple=multiple)
    assert frame == method_frame(channel, "basic.ack", delivery_tag=tag, multiple=multiple)


def assembled(buffer: bytes, channel: int) -> tuple[int, bytes, bytes, int] | None:
    """What the content state machine makes of it: end, properties, frames, body size."""
    assembly = Assembly(channel, PUBLISH)
    position = 0
    for frame in FrameReader().feed(buffer):
        assert frame.channel == channel
        assembly.add(frame.type, frame.payload)
        position += PREFIX.size + len(frame.payload) + len(END)
        if assembly.complete:
            return position, assembly.properties, assembly.frames, assembly.body_size
    return None


@given(
    PROPERTY_SETS,
    st.binary(max_size=60),
    st.integers(1, 2**16 - 1),
    st.binary(max_size=9),
    st.integers(9, 200),
)
def test_whole_content_equals_the_state_machine(
    properties: dict[str, Any], body: bytes, channel: int, before: bytes, frame_max: int
) -> None:
    """Of a content in one body frame at most, both find the same; of more, the fast way nothing."""
    frames = content_frames(channel, body, properties, frame_max)
    stop, header_end, size = fast.whole_content(before + frames + b"!", len(before), channel, 4096)
    if len(body) > frame_max - 8:
        assert (stop, header_end, size) == (0, 0, 0)
        return
    expected = assembled(frames, channel)
    assert expected is not None
    found = before + frames
    assert expected == (
        stop - len(before),
        found[len(before) + fast.HEADER_FIXED : header_end],
        found[len(before) : stop],
        size,
    )


@given(PROPERTY_SETS, st.binary(max_size=20), st.data())
def test_whole_content_of_cut_frames(
    properties: dict[str, Any], body: bytes, data: st.DataObject
) -> None:
    """What is not all there is left to the state machine, wherever it is cut."""
    frames = content_frames(3, body, properties)
    size = data.draw(st.integers(0, len(frames) - 1))
    assert fast.whole_content(frames[:size], 0, 3, 4096) == (0, 0, 0)


@given(PROPERTY_SETS, st.binary(min_size=1, max_size=20), st.data())
def test_whole_content_with_one_wrong_octet(
    properties: dict[str, Any], body: bytes, data: st.DataObject
) -> None:
    """With one octet changed, what the fast way takes the state machine takes too, alike."""
    frames = bytearray(content_frames(3, body, properties))
    frames[data.draw(st.integers(0, len(frames) - 1))] = data.draw(st.integers(0, 255))
    octets = bytes(frames)
    stop, header_end, size = fast.whole_content(octets, 0, 3, 4096)
    if not stop:
        return
    try:
        expected = assembled(octets, 3)
    except (HardError, WireError):
        pytest.fail("the state machine refuses what the fast way takes")
    assert expected == (stop, octets[fast.HEADER_FIXED : header_end], octets[:stop], size)


@pytest.mark.parametrize(
    "frames",
    [
        encode_frame(2, 4, b"\x00\x3c" + bytes(12)),  # another channel
        encode_frame(3, 3, b"\x00\x3c" + bytes(12)),  # a body first
        encode_frame(2, 3, b"\x00\x3d" + bytes(12)),  # another class
        encode_frame(2, 3, b"\x00\x3c\x00\x01" + bytes(10)),  # a weight
        encode_frame(2, 3, b"\x00\x3c" + bytes(10)),  # no flags
        encode_frame(2, 3, b"\x00\x3c" + bytes(12))[:-1] + b"\x00",  # a wrong frame-end
        encode_frame(2, 3, b"\x00\x3c" + bytes(4000)),  # above the limit
        content_frames(3, b"body")[:-1] + b"\x00",  # a wrong frame-end of the body
        content_frames(3, b"body")[:22] + encode_frame(3, 4, b"body"),  # its body elsewhere
        content_frames(3, b"body")[:22] + encode_frame(1, 3, b"body"),  # no body
        content_frames(3, b"x" * 2000),  # a body above the limit
    ],
)
def test_whole_content_leaves_what_is_wrong(frames: bytes) -> None:
    """Anything amiss, and the fast way takes nothing."""
    assert fast.whole_content(frames + bytes(4), 0, 3, 1000) == (0, 0, 0)


def test_the_fast_ids_are_those_of_the_tables() -> None:
    """The constants of the hot path are the ids in the tables."""
    for constant, name in ((fast.BASIC_PUBLISH, "basic.publish"), (fast.BASIC_ACK, "basic.ack")):
        assert divmod(constant, 2**16) == METHODS[name].ids


OUTLINES = st.builds(
    lambda number, mode, body: published(body, message_id=f"{number:03}", delivery_mode=mode),
    st.integers(0, 999),
    st.sampled_from((1, 2)),
    st.binary(min_size=2, max_size=3),
)


def published(body: bytes, **properties: Any) -> bytes:
    """A basic.publish on channel 3, with its content."""
    return method_frame(3, "basic.publish", routing_key="k") + content_frames(3, body, properties)


def pattern_of(octets: bytes) -> fast.Pattern:
    """The pattern of a publish."""
    start = octets.index(END) + 1
    stop, header_end, body = fast.whole_content(octets + b"!", start, 3, 4096)
    return fast.Pattern(octets[: stop - 1 - body], start, header_end, body)


@given(OUTLINES, OUTLINES, st.binary(max_size=5))
def test_a_pattern_equals_a_look(first: bytes, second: bytes, before: bytes) -> None:
    """Where the pattern of one publish outlines another, all parts of that are where it says."""
    pattern, other = pattern_of(first), pattern_of(second)
    assert pattern.outlines(before + second, len(before)) == (len(first) == len(second))
    if len(first) == len(second):
        assert (pattern.size, pattern.method_size, pattern.properties, pattern.header_end) == (
            len(second),
            other.method_size,
            other.properties,
            other.header_end,
        )


@given(OUTLINES, st.data())
def test_a_pattern_with_one_wrong_octet(octets: bytes, data: st.DataObject) -> None:
    """With an octet changed, only a publish whose frames still stand in place is outlined."""
    pattern = pattern_of(octets)
    place = data.draw(st.integers(0, pattern.header_end + 7))  # before the body
    wrong = bytearray(octets)
    wrong[place] ^= data.draw(st.integers(1, 255))
    values = range(pattern.properties + 2, pattern.header_end)
    assert pattern.outlines(bytes(wrong), 0) == (place in values)
    identifier = octets.index(b"\x03", pattern.properties + 2) + 1  # its length stands before it
    assert is_like(pattern, bytes(wrong)) == (identifier <= place < identifier + 3)


def is_like(pattern: fast.Pattern, octets: bytes) -> bool:
    """Whether a publish is like the pattern's, the message-id and the body's octets apart."""
    return octets.startswith(pattern.before) and octets.startswith(pattern.after, pattern.after_at)


@given(PROPERTY_SETS)
def test_the_message_id_is_where_decoding_finds_it(properties: dict[str, Any]) -> None:
    """In plain properties, and nowhere in others."""
    encoded = encode_properties(properties)
    start, end = fast.message_id_at(encoded)
    plain = fast.plain_delivery_mode(encoded) is not None
    if plain and "message_id" in properties:
        assert encoded[start - 1 : end] == encode_shortstr(properties["message_id"])
        rest = encode_properties({**properties, "message_id": ""})
        assert encoded[: start - 1] + b"\0" + encoded[end:] == rest
    else:
        assert (start, end) == (0, 0)


@pytest.mark.parametrize(
    "other",
    [
        published(b"ab", message_id="001", app_id="a"),  # more properties
        published(b"ab", message_id="0001"),  # longer ones
        published(b"abc", message_id="001"),  # a longer body
        published(b"", message_id="001"),  # none
        published(b"ab", message_id="001").replace(b"k", b"j"),  # another routing key
        published(b"ab", message_id="001").replace(b"\x00\x03", b"\x00\x04"),  # another channel
        published(b"ab", type="001"),  # another property of that length
    ],
)
def test_a_pattern_leaves_what_is_different(other: bytes) -> None:
    """Anything but the properties' values and the body's octets has to be the same."""
    pattern = pattern_of(published(b"ab", message_id="001"))
    assert pattern.outlines(published(b"cd", message_id="002"), 0)
    assert not pattern.outlines(other, 0)
