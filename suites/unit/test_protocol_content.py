import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.protocol.content import Assembly
from reference_broker.wire.errors import HardError
from reference_broker.wire.framing import FrameReader, content_frames
from reference_broker.wire.methods import encode_header, encode_method
from reference_broker.wire.spec import FRAME_BODY, FRAME_HEADER, FRAME_METHOD

PUBLISH = encode_method("basic.publish")


def awaiting_body(size: int) -> Assembly:
    """An assembly whose header has come."""
    assembly = Assembly(1, PUBLISH)
    assembly.add(FRAME_HEADER, encode_header(size, {}))
    return assembly


@given(st.binary(max_size=100), st.integers(9, 120))
def test_a_content_is_complete_with_its_last_frame(body: bytes, frame_max: int) -> None:
    """It is complete when the announced octets are there and not before, and keeps its frames."""
    octets = content_frames(1, body, {"priority": 3}, frame_max)
    frames = list(FrameReader().feed(octets))
    assembly = Assembly(1, PUBLISH)
    for frame in frames:
        assert not assembly.complete
        assembly.add(frame.type, frame.payload)
    assert assembly.complete
    assert assembly.frames == octets
    assert assembly.body_size == len(body)
    assert assembly.method == PUBLISH
    assert assembly.properties == b"\x08\x00\x03"


def test_empty_body_frames_are_counted_for_nothing() -> None:
    """A body frame without octets is legal and leaves the content as incomplete as it was."""
    assembly = awaiting_body(2)
    for payload in (b"", b"a", b""):
        assembly.add(FRAME_BODY, payload)
        assert not assembly.complete
    assembly.add(FRAME_BODY, b"b")
    assert assembly.complete


@pytest.mark.parametrize("kind", [FRAME_METHOD, FRAME_BODY])
def test_the_header_comes_first(kind: int) -> None:
    """Anything but a header after a publish is 505, the publish to blame."""
    with pytest.raises(HardError, match="expected content header") as caught:
        Assembly(1, PUBLISH).add(kind, bytes(14))
    assert (caught.value.code, caught.value.method) == (505, (60, 40))


@pytest.mark.parametrize("kind", [FRAME_METHOD, FRAME_HEADER])
def test_the_body_comes_next(kind: int) -> None:
    """Anything but a body while octets are missing is 505, the publish to blame."""
    with pytest.raises(HardError, match="expected content body") as caught:
        awaiting_body(1).add(kind, encode_header(1, {}))
    assert (caught.value.code, caught.value.method) == (505, (60, 40))


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (b"", 501),
        (bytes(11), 501),
        (b"\x00\x3c\x00\x01" + bytes(10), 505),
        (b"\x00\x3d" + bytes(12), 505),
        (b"\x00\x00" + bytes(12), 505),
    ],
    ids=["empty", "cut short", "weight", "class 61", "class 0"],
)
def test_wrong_headers(header: bytes, code: int) -> None:
    """A header that is cut short is 501; of another class, or with a weight, 505."""
    with pytest.raises(HardError) as caught:
        Assembly(1, PUBLISH).add(FRAME_HEADER, header)
    assert caught.value.code == code


def test_a_body_longer_than_announced() -> None:
    """More octets than the header announced are 501."""
    with pytest.raises(HardError) as caught:
        awaiting_body(3).add(FRAME_BODY, b"four")
    assert caught.value.code == 501
