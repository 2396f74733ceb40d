"""The ring of a connection's last frames."""

import pytest

from reference_broker.wire.framing import HEARTBEAT, content_frames, encode_frame, method_frame
from reference_broker.wire.recent import KEPT_FRAMES, KEPT_OCTETS, RecentFrames, SeenFrame
from reference_broker.wire.spec import FRAME_BODY, FRAME_HEADER, FRAME_HEARTBEAT, FRAME_METHOD

BODY = bytes(range(256)) * 20
PUBLISH = method_frame(7, "basic.publish", routing_key="q")
OCTETS = PUBLISH + content_frames(7, BODY, {"priority": 3}) + HEARTBEAT
KINDS = [FRAME_METHOD, FRAME_HEADER, FRAME_BODY, FRAME_HEARTBEAT]


def fed(octets: bytes, step: int) -> list[SeenFrame]:
    """What is kept of the octets when they come in pieces of this size."""
    frames = RecentFrames()
    for start in range(0, len(octets), step):
        frames.add(octets[start : start + step], 5.0, from_client=True)
    return frames.after(0)


@pytest.mark.parametrize("step", [1, 2, 7, 8, 9, 4099, 10**6])
@pytest.mark.parametrize("rest", [b"", b"\x01", PUBLISH[:-1]])
def test_octets_in_any_pieces(step: int, rest: bytes) -> None:
    """Each whole frame is seen once, and what is not whole is awaited."""
    seen = fed(OCTETS + rest, step)
    assert [(frame.number, frame.type) for frame in seen] == list(enumerate(KINDS, 1))
    assert [frame.channel for frame in seen] == [7, 7, 7, 0]
    assert seen[0].payload == PUBLISH[7:-1]
    assert (seen[2].size, seen[2].payload) == (len(BODY), BODY[:KEPT_OCTETS])
    assert (seen[3].size, seen[3].payload, seen[3].at) == (0, b"", 5.0)


def test_it_is_bounded() -> None:
    """Of many frames the last are kept, and all are counted; of a large one the beginning."""
    frames = RecentFrames()
    for _ in range(KEPT_FRAMES + 3):
        frames.add(HEARTBEAT, 1.0, from_client=False)
    assert (frames.seen, len(frames.after(0))) == (KEPT_FRAMES + 3, KEPT_FRAMES)
    assert frames.after(0)[0].number == 4
    assert [frame.number for frame in frames.after(KEPT_FRAMES + 1)] == [502, 503]
    frames.add(encode_frame(FRAME_BODY, 1, bytes(10 * 2**20)), 1.0, from_client=False)
    assert len(frames.after(503)[0].payload) == KEPT_OCTETS


def test_directions_do_not_mix() -> None:
    """Half a frame of one way waits while the other way goes on."""
    frames = RecentFrames()
    frames.add(PUBLISH[:9], 1.0, from_client=True)
    frames.add(HEARTBEAT, 2.0, from_client=False)
    frames.add(memoryview(PUBLISH[9:]), 3.0, from_client=True)
    seen = [(frame.from_client, frame.type, frame.at) for frame in frames.after(0)]
    assert seen == [(False, FRAME_HEARTBEAT, 2.0), (True, FRAME_METHOD, 3.0)]


def test_it_may_begin_in_the_middle_of_a_frame() -> None:
    """What the broker has of a frame already is taken into account."""
    frames = RecentFrames(unread=OCTETS[:10])
    frames.add(OCTETS[10:], 1.0, from_client=True)
    assert [frame.type for frame in frames.after(0)] == KINDS
    assert frames.after(0)[0].payload == PUBLISH[7:-1]


def test_octets_that_are_no_frame() -> None:
    """A wrong frame-end is told of, with the octets; nothing behind it is taken for a frame."""
    frames = RecentFrames()
    frames.add(PUBLISH[:-1] + b"\x00" + HEARTBEAT, 1.0, from_client=True)
    frames.add(HEARTBEAT, 1.0, from_client=True)
    frames.add(HEARTBEAT, 1.0, from_client=False)
    seen = [(frame.type, frame.payload) for frame in frames.after(0)]
    assert seen == [(0, PUBLISH[:-1]), (FRAME_HEARTBEAT, b"")]
