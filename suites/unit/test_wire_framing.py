from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.wire.content import body_of, body_size_of, header_of, reframe
from reference_broker.wire.errors import WireError
from reference_broker.wire.framing import (
    HEARTBEAT,
    Frame,
    FrameReader,
    body_frames,
    content_frames,
    encode_frame,
    method_frame,
)
from reference_broker.wire.methods import encode_header, encode_method
from suites.unit.generated import PROPERTY_SETS, cut, splits

FRAMES = st.lists(
    st.builds(
        Frame, st.sampled_from((1, 2, 3, 8)), st.integers(0, 2**16 - 1), st.binary(max_size=30)
    ),
    max_size=5,
)


def octets_of(frames: list[Frame]) -> bytes:
    """The frames as they go over the wire."""
    return b"".join(encode_frame(*frame) for frame in frames)


def read(pieces: list[bytes]) -> list[Frame]:
    """The frames that a reader finds, fed piece by piece."""
    reader = FrameReader()
    return [frame for piece in pieces for frame in reader.feed(piece)]


def test_a_frame_by_hand() -> None:
    """Type, channel, size, payload, frame-end."""
    assert encode_frame(3, 258, b"ab") == b"\x03\x01\x02\x00\x00\x00\x02ab\xce"
    assert HEARTBEAT == b"\x08\x00\x00\x00\x00\x00\x00\xce"
    assert method_frame(1, "tx.select") == b"\x01\x00\x01\x00\x00\x00\x04\x00\x5a\x00\x0a\xce"


@given(FRAMES, st.data())
def test_frames_are_read_whatever_the_pieces(frames: list[Frame], data: st.DataObject) -> None:
    """Whole, octet by octet, or cut anywhere, the reader finds the same frames."""
    octets = octets_of(frames)
    assert read([octets]) == frames
    assert read([octets[i : i + 1] for i in range(len(octets))]) == frames
    assert read(data.draw(splits(octets))) == frames


@given(FRAMES, st.binary(max_size=7))
def test_what_is_not_whole_waits(frames: list[Frame], rest: bytes) -> None:
    """Fewer octets than the shortest frame after the last whole one yield nothing yet."""
    assert read([octets_of(frames) + rest]) == frames


@pytest.mark.parametrize("end", [0x00, 0xCD, 0xCF, 0xFF])
def test_a_wrong_frame_end_is_refused(end: int) -> None:
    """A frame that does not end in 0xCE raises WireError when its last octet is there."""
    wrong = encode_frame(1, 1, b"abcd")[:-1]
    assert read([wrong]) == []
    with pytest.raises(WireError, match="frame-end"):
        read(cut(wrong + bytes((end,)), [3, 9]))


@given(st.binary(max_size=200), st.integers(9, 60))
def test_bodies_are_split_at_frame_max(body: bytes, frame_max: int) -> None:
    """No body frame is larger than frame-max, all but the last are full, none is empty."""
    frames = read([body_frames(5, body, frame_max)])
    assert b"".join(frame.payload for frame in frames) == body
    assert all(frame.type == 3 and frame.channel == 5 for frame in frames)
    assert all(len(frame.payload) == frame_max - 8 for frame in frames[:-1])
    assert all(0 < len(frame.payload) <= frame_max - 8 for frame in frames)


@given(PROPERTY_SETS, st.binary(max_size=100), st.integers(9, 60))
def test_a_content_is_a_header_and_its_body(
    properties: dict[str, Any], body: bytes, frame_max: int
) -> None:
    """The parts of a content's frames are what they were made of."""
    frames = content_frames(7, body, properties, frame_max)
    assert header_of(frames) == encode_header(len(body), properties)
    assert body_size_of(frames) == len(body)
    assert body_of(frames) == body


@given(
    PROPERTY_SETS,
    st.binary(max_size=120),
    st.integers(9, 150),
    st.integers(1, 2**16 - 1),
    st.integers(9, 150),
)
def test_a_content_is_reframed_for_another_channel(
    properties: dict[str, Any], body: bytes, came: int, channel: int, frame_max: int
) -> None:
    """The content stays, the channel is the new one, and no body frame exceeds frame-max."""
    frames = reframe(content_frames(7, body, properties, came), channel, frame_max)
    assert header_of(frames) == encode_header(len(body), properties)
    assert body_of(frames) == body
    found = read([frames])
    assert {frame.channel for frame in found} == {channel}
    assert [frame.type for frame in found] == [2] + [3] * (len(found) - 1)
    assert all(len(frame.payload) + 8 <= frame_max for frame in found[1:])


def test_what_fits_is_passed_on_verbatim() -> None:
    """On the same channel, frames that fit are the same octets, empty body frames among them."""
    frames = content_frames(7, b"", {"priority": 1}) + encode_frame(3, 7, b"")
    assert reframe(frames, 7, 4096) is frames
    assert reframe(frames, 8, 4096) == frames.replace(b"\x00\x07", b"\x00\x08")


def test_a_header_larger_than_frame_max_stays_whole() -> None:
    """A header cannot be split, so it goes out as it is."""
    frames = content_frames(7, b"x" * 100, {"headers": {"k": "v" * 200}})
    header, *bodies = read([reframe(frames, 7, 64)])
    assert len(header.payload) > 200
    assert [len(body.payload) for body in bodies] == [56, 44]


def test_methods_and_frames_agree() -> None:
    """A method frame is the method's payload in a frame of type 1."""
    payload = encode_method("basic.ack", delivery_tag=1, multiple=True)
    assert read([method_frame(3, "basic.ack", delivery_tag=1, multiple=True)]) == [
        Frame(1, 3, payload)
    ]
