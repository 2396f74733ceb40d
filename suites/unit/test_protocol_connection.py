from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.protocol.states import Phase
from reference_broker.wire.errors import SoftError
from reference_broker.wire.framing import (
    HEARTBEAT,
    content_frames,
    encode_frame,
    method_frame,
)
from reference_broker.wire.methods import encode_method
from reference_broker.wire.spec import PROTOCOL_HEADER
from suites.unit.generated import PROPERTY_SETS, cut, splits
from suites.unit.script import BEFORE, OPENING, ScriptedSession, opened

CLOSE_OK = method_frame(0, "connection.close-ok")
CLOSED = [("closed",)]
PUBLISH = method_frame(1, "basic.publish", exchange="e", routing_key="k")
CHANNELS = st.sampled_from((1, 2))


def publish(channel: int, body: bytes, properties: dict[str, Any], key: str, size: int) -> bytes:
    """A basic.publish with its content, in frames of at most `size` octets."""
    method = method_frame(channel, "basic.publish", routing_key=key)
    return method + content_frames(channel, body, properties, size)


PUBLISHES = st.builds(
    publish,
    CHANNELS,
    st.binary(max_size=40),
    PROPERTY_SETS,
    st.sampled_from(("k", "k", "k", "soft", "hard")),
    st.integers(9, 60),
)
METHODS = st.builds(
    lambda channel, queue: method_frame(channel, "queue.declare", queue=queue),
    CHANNELS,
    st.sampled_from(("q", "q", "q", "soft", "hard")),
)
ACKS = st.builds(
    lambda channel, tag, multiple: method_frame(
        channel, "basic.ack", delivery_tag=tag, multiple=multiple
    ),
    CHANNELS,
    st.sampled_from((1, 2, 3, 404)),
    st.booleans(),
)
OPENS = CHANNELS.map(lambda channel: method_frame(channel, "channel.open"))
CLOSES = CHANNELS.map(lambda channel: method_frame(channel, "channel.close"))
CLOSE_OKS = CHANNELS.map(lambda channel: method_frame(channel, "channel.close-ok"))
ENDS = st.sampled_from((method_frame(0, "connection.close"), CLOSE_OK, HEARTBEAT, HEARTBEAT))
STREAMS = st.lists(
    st.one_of(PUBLISHES, PUBLISHES, METHODS, ACKS, OPENS, CLOSES, CLOSE_OKS, ENDS), max_size=12
).map(b"".join)

ALIKE = st.builds(
    lambda channel, number, key, body: publish(channel, body, {"message_id": number}, key, 99),
    CHANNELS,
    st.sampled_from(("1", "1", "2", "12")),
    st.sampled_from(("k", "k", "k", "k", "soft")),
    st.sampled_from((b"", b"body", b"BODY", b"BODY")),
)
ACK_RUNS = st.lists(ACKS, min_size=1, max_size=5).map(b"".join)
REPEATS = st.tuples(ALIKE, st.integers(1, 5)).map(lambda drawn: drawn[0] * drawn[1])


def calls_for(*pieces: bytes) -> list[tuple[Any, ...]]:
    """What a session is called for when an opened connection receives these pieces."""
    return opened(1, 2).feed(*pieces).calls


def octet_by_octet(data: bytes) -> list[bytes]:
    """Each octet alone."""
    return cut(data, list(range(1, len(data))))


@given(STREAMS, st.data())
def test_any_stream_means_the_same_in_any_pieces(stream: bytes, data: st.DataObject) -> None:
    """Whole, octet by octet or cut anywhere, a stream leads to the same calls in the same order."""
    whole = calls_for(stream)
    assert calls_for(*octet_by_octet(stream)) == whole
    assert calls_for(*data.draw(splits(stream))) == whole


@given(
    st.lists(
        st.one_of(REPEATS, REPEATS, ALIKE, ACK_RUNS, METHODS, CLOSES, OPENS, ENDS), max_size=12
    ),
    st.data(),
)
def test_runs_mean_the_same_in_any_pieces(stream: list[bytes], data: st.DataObject) -> None:
    """Publishes known by the one before and acks taken at once lead to what single ones do."""
    octets = b"".join(stream)
    expected = calls_for(*octet_by_octet(octets))
    assert calls_for(octets) == expected
    assert calls_for(*data.draw(splits(octets))) == expected


@given(st.lists(ACK_RUNS | METHODS, min_size=1, max_size=4).map(b"".join), st.data())
def test_one_wrong_octet_among_acks_is_found_in_any_pieces(
    stream: bytes, data: st.DataObject
) -> None:
    """Also in the middle of a run of them."""
    octets = bytearray(stream)
    octets[data.draw(st.integers(0, len(octets) - 1))] ^= data.draw(st.integers(1, 255))
    wrong = bytes(octets)
    assert calls_for(wrong) == calls_for(*octet_by_octet(wrong))


def test_a_wrong_frame_end_among_acks() -> None:
    """What stands before it counts, and then the connection fails."""
    ack = method_frame(1, "basic.ack", delivery_tag=1)
    for pieces in ([ack * 2 + ack[:-1] + b"\x00" + ack], [ack, ack, ack[:-1] + b"\x00", ack]):
        assert calls_for(*pieces) == [("ack", 1, 1, False)] * 2 + [("failed", 501, (0, 0))]


def test_publishes_alike_are_known() -> None:
    """The third of one outline is, and each that follows, in other reads and after acks too."""
    same, other = (publish(1, b"body", {"message_id": number}, "k", 99) for number in "12")
    ack = method_frame(1, "basic.ack", delivery_tag=1)
    session = opened(1)
    for octets, known in ((same + other, 0), (same + other, 2), (ack, 2), (other * 3 + same, 6)):
        assert session.feed(octets).repeated == known


@pytest.mark.parametrize(
    "between",
    [
        publish(1, b"other", {"message_id": "1"}, "k", 99),
        publish(2, b"body", {"message_id": "1"}, "k", 99),
        method_frame(1, "channel.close") + method_frame(1, "channel.open"),
        method_frame(1, "queue.declare", queue="q"),
        method_frame(1, "queue.declare", queue="soft"),
        method_frame(1, "basic.ack", delivery_tag=404),
    ],
)
def test_what_comes_between_publishes_alike(between: bytes) -> None:
    """Whatever happens to the channel, no publish is taken for one of before that."""
    same = publish(1, b"body", {"message_id": "1"}, "k", 99)
    pieces = octet_by_octet(same * 3 + between + same * 3)
    assert calls_for(same * 3 + between + same * 3) == calls_for(*pieces)


@given(STREAMS, st.binary(max_size=6))
def test_an_unfinished_frame_after_it_changes_nothing(stream: bytes, rest: bytes) -> None:
    """Octets of a frame whose size is not known yet are kept and lead to no call."""
    assert calls_for(stream + rest) == calls_for(stream)


@given(st.binary(max_size=200), st.data())
def test_arbitrary_octets_end_in_calls_alone(noise: bytes, data: st.DataObject) -> None:
    """Whatever an opened connection receives, nothing is raised out of it."""
    session = opened(1).feed(*data.draw(splits(noise)))
    assert session.connection.phase in {Phase.OPEN, Phase.CLOSING, Phase.CLOSED}


@given(st.lists(PUBLISHES | METHODS | ACKS, min_size=1, max_size=4).map(b"".join), st.data())
def test_one_wrong_octet_ends_in_calls_alone(stream: bytes, data: st.DataObject) -> None:
    """A good stream with one octet changed raises nothing either."""
    octets = bytearray(stream)
    octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    opened(1, 2).feed(bytes(octets))


def test_opening_in_any_pieces() -> None:
    """The protocol header and the methods after it, whole and octet by octet."""
    whole = ScriptedSession().feed(OPENING).calls
    assert [call[:3] for call in whole] == [
        ("greet",),
        ("method", 0, "connection.start-ok"),
        ("method", 0, "connection.tune-ok"),
        ("method", 0, "connection.open"),
    ]
    assert ScriptedSession().feed(*octet_by_octet(OPENING)).calls == whole


@pytest.mark.parametrize(
    "header",
    [
        b"HTTP/1.1",
        b"AMQP\x00\x01\x00\x00",
        b"AMQP\x00\x00\x09\x02",
        b"AMQP\x01\x00\x09\x01",
        b"AMQX",
        b"\x00",
    ],
)
def test_a_wrong_protocol_header_is_answered_by_the_right_one(header: bytes) -> None:
    """It is refused at the first octet that does not fit, and nothing more is read."""
    for pieces in ([header + b"more"], octet_by_octet(header), [header]):
        session = ScriptedSession().feed(*pieces, OPENING)
        assert session.calls == [("refuse", PROTOCOL_HEADER)]
        assert session.connection.phase is Phase.CLOSED


@pytest.mark.parametrize("version", [b"\x01\x01\x08\x00", b"\x01\x01\x09\x01", b"\x01\x01\x00\x09"])
def test_older_protocol_headers_are_greeted(version: bytes) -> None:
    """RabbitMQ 3.x greets clients of 0-8 and 0-9 too."""
    assert ScriptedSession().feed(b"AMQP" + version).calls == [("greet",)]


def test_a_part_of_the_protocol_header_waits() -> None:
    """As long as it may become right, nothing is said."""
    assert ScriptedSession().feed(b"AMQP\x00").calls == []


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (encode_frame(4, 1, b""), 501),  # of no known type
        (encode_frame(0, 0, b"payload"), 501),
        (encode_frame(8, 0, b"full"), 501),  # a heartbeat with a payload
        (encode_frame(8, 1, b""), 505),  # a heartbeat on a channel
        (encode_frame(2, 0, b""), 505),  # content on channel 0
        (encode_frame(3, 0, b""), 505),
        (encode_frame(2, 1, bytes(14)), 505),  # content that nobody announced
        (encode_frame(3, 1, b"body"), 505),
        (encode_frame(2, 9, bytes(14)), 504),  # content on an absent channel
        (encode_frame(1, 1, b"\x00\x32"), 501),  # half the ids
        (encode_frame(1, 1, b"\x00\x32\x00\x0a"), 501),  # no arguments
        (encode_frame(1, 1, encode_method("tx.select") + b"\x00"), 501),  # too many
        (encode_frame(1, 1, encode_method("basic.ack") + b"\x00"), 501),
        (encode_frame(1, 1, encode_method("basic.ack")[:-1]), 501),
        (encode_frame(1, 1, b"\x00\x3c\x00\x28"), 501),  # a publish without arguments
        (encode_frame(1, 1, b"\x00\x32\x00\x63"), 540),  # an unknown method
        (encode_frame(1, 1, b"\x03\xe7\x00\x0a"), 540),  # an unknown class
        (encode_frame(1, 11, encode_method("channel.open")), 530),  # one channel too many
        (encode_frame(1, 1, encode_method("tx.select"))[:-1] + b"\x00", 501),  # frame-end
        (b"\x01\x00\x01\x00\x00\x10\x01", 501),  # larger than agreed, by its header alone
        (b"\x01\x00\x01\xff\xff\xff\xff", 501),
    ],
)
def test_hard_errors(frame: bytes, code: int) -> None:
    """Each is answered by one Close with its code, whatever the pieces and whatever follows it."""
    follow = method_frame(2, "queue.declare") + HEARTBEAT
    enough = frame + b"\x00"  # so that the announced size is judged
    for pieces in ([enough + follow], [*octet_by_octet(frame), b"\x00", follow]):
        session = opened(1, 2).feed(*pieces)
        errors = [call[:2] for call in session.calls if call[0] != "open"]
        assert errors == [("failed", code)]
        assert session.connection.phase is Phase.CLOSING


@pytest.mark.parametrize(
    ("frame", "method"),
    [
        (method_frame(1, "queue.declare", queue="hard"), (50, 10)),
        (method_frame(1, "channel.open"), (20, 10)),
        (encode_frame(1, 1, b"\x00\x32\x00\x0a\xff"), (50, 10)),
        (encode_frame(1, 1, b"\x00\x32\x00\x63"), (0, 0)),
        (method_frame(0, "queue.declare"), (50, 10)),
    ],
)
def test_errors_name_the_method_at_fault(frame: bytes, method: tuple[int, int]) -> None:
    """Close carries class and method id of what caused it, where a method did."""
    assert opened(1).feed(frame).calls[-1][-1] == method


@pytest.mark.parametrize("phase", [Phase.START, Phase.TUNE, Phase.OPENING])
@pytest.mark.parametrize(
    "frame",
    [
        encode_frame(4, 0, b""),
        method_frame(0, "channel.open"),
        encode_frame(1, 0, b"\x00\x32\x00\x63"),
        encode_frame(1, 0, b"nonsense"),
        encode_frame(2, 0, bytes(14)),
        HEARTBEAT[:-1] + b"\x00",
        b"\x01\x00\x00\x00\x00\x10\x01\x00",
    ],
)
def test_nobody_is_told_before_the_connection_is_open(phase: Phase, frame: bytes) -> None:
    """An error before Open-Ok ends the socket without a Close method (2.2.4)."""
    session = ScriptedSession().feed(BEFORE[phase])
    assert session.connection.phase is phase
    session.calls.clear()
    session.feed(frame, OPENING)
    assert session.calls == [("refuse", b"")]
    assert session.connection.phase is Phase.CLOSED


@pytest.mark.parametrize(
    ("phase", "calls"),
    [(Phase.START, [("refuse", b"")]), (Phase.OPENING, [("failed", 505, (0, 0))])],
)
def test_a_channel_before_its_time(phase: Phase, calls: list[tuple[Any, ...]]) -> None:
    """A frame on a channel ends the socket, but once tuned RabbitMQ says 505 before that."""
    session = ScriptedSession().feed(BEFORE[phase])
    session.calls.clear()
    assert session.feed(method_frame(1, "channel.open")).calls == calls


@pytest.mark.parametrize(
    "wrong",
    [
        encode_frame(4, 1, b""),
        encode_frame(1, 1, b"cut short")[:-1] + b"\x00",
        b"\x01\x00\x01\xff\xff\xff\xff" + b"whatever follows",
        method_frame(1, "queue.declare", queue="hard"),
    ],
)
def test_close_ok_counts_after_any_error(wrong: bytes) -> None:
    """Once the broker has sent Close the client's Close-Ok ends it, in the pieces it comes in."""
    for place in range(len(CLOSE_OK)):
        session = opened(1).feed(wrong)
        session.calls.clear()
        session.feed(*cut(CLOSE_OK, [place] if place else []))
        assert session.calls[-1:] == CLOSED
        assert session.feed(PUBLISH).calls[-1:] == CLOSED
        assert opened(1).feed(wrong + CLOSE_OK[:place], CLOSE_OK[place:]).calls[-1:] == CLOSED


def test_nothing_else_counts_after_an_error() -> None:
    """A closing connection drops methods, contents and new channels."""
    session = opened(1, 2).feed(method_frame(1, "queue.declare", queue="hard"))
    session.calls.clear()
    body = content_frames(2, b"body")
    session.feed(method_frame(2, "basic.publish") + body, method_frame(3, "channel.open"))
    session.feed(encode_frame(2, 0, b""), HEARTBEAT, method_frame(0, "queue.declare"))
    assert session.calls == []
    assert session.feed(CLOSE_OK).calls == [("method", 0, "connection.close-ok", {}), *CLOSED]


def test_an_error_while_closing_does_not_close_again() -> None:
    """A closing connection that receives nonsense says nothing more and still sees Close-Ok."""
    session = opened(1).feed(method_frame(1, "queue.declare", queue="hard"))
    session.calls.clear()
    session.feed(encode_frame(4, 0, b"nonsense"), b"\x01\x00\x00\xff\xff\xff\xff\x00", CLOSE_OK)
    assert session.calls == CLOSED


def test_a_soft_error_leaves_the_rest_of_the_read() -> None:
    """What follows on other channels in the same read is handled."""
    session = opened(1, 2).feed(
        method_frame(1, "queue.declare", queue="soft")
        + method_frame(1, "queue.declare", queue="dropped")
        + method_frame(2, "basic.ack", delivery_tag=1)
    )
    assert [call[:2] for call in session.calls] == [
        ("method", 1),
        ("channel failed", 1),
        ("ack", 2),
    ]


def test_a_soft_error_of_the_hot_path_blames_its_channel() -> None:
    """A publish and an ack that fail close the channel on which they came, not another."""
    bad = method_frame(2, "basic.publish", routing_key="soft") + content_frames(2, b"body")
    session = opened(1, 2).feed(PUBLISH + content_frames(1, b"body") + bad)
    assert session.calls[-1] == ("channel failed", 2, 404, (60, 40))
    session = opened(1, 2).feed(method_frame(1, "basic.ack", delivery_tag=404))
    assert session.calls[-1] == ("channel failed", 1, 406, (60, 80))


def test_frames_of_the_agreed_size_pass() -> None:
    """4096 octets hold before tuning, the tuned limit afterwards, and 0 means none."""
    for frame_max, size in ((4096, 4088), (8192, 8184), (0, 200_000)):
        session = opened(1)
        session.connection.tuned(frame_max)
        session.feed(PUBLISH + content_frames(1, b"x" * size, frame_max=size + 8))
        assert session.calls[-1][-1] == size
    session = opened(1)
    session.connection.tuned(8192)
    session.feed(PUBLISH + content_frames(1, b"x" * 8193, frame_max=10_000))
    assert session.calls == [("failed", 501, (0, 0))]


@pytest.mark.parametrize("largest", [3000, 100_000], ids=["below a frame", "of many frames"])
@pytest.mark.parametrize("frame_max", [4096, 131_072])
def test_a_message_above_the_largest_size_closes_its_channel(largest: int, frame_max: int) -> None:
    """One that is as large as allowed passes, whole or frame by frame."""
    session = ScriptedSession(largest).feed(OPENING, method_frame(1, "channel.open"))
    session.connection.tuned(frame_max)
    session.take()
    session.feed(PUBLISH + content_frames(1, bytes(largest), frame_max=frame_max))
    session.feed(PUBLISH + content_frames(1, bytes(largest + 1), frame_max=frame_max))
    passed, refused = session.calls
    assert (passed[0], passed[-1]) == ("publish", largest)
    assert refused == ("channel failed", 1, 406, (60, 40))


def test_the_broker_may_close_a_channel_between_two_reads() -> None:
    """What still arrives there is dropped; a channel that is closing or absent stays so."""
    session = opened(1, 2)
    for number in (1, 1, 3):
        session.connection.fail_channel(number, SoftError(406, "overdue", (0, 0)))
    session.feed(method_frame(1, "queue.declare", queue="q"), method_frame(1, "channel.close-ok"))
    assert session.take() == [("channel failed", 1, 406, (0, 0)), ("gone", 1, False)]
    session.feed(method_frame(2, "queue.declare", queue="q"))
    assert session.calls[0][:3] == ("method", 2, "queue.declare")


def test_heartbeats_are_silent_in_every_phase() -> None:
    """A heartbeat on channel 0 leads to no call, from the greeting to the end."""
    session = ScriptedSession().feed(PROTOCOL_HEADER + HEARTBEAT)
    assert session.calls == [("greet",)]
    assert opened(1).feed(PUBLISH, HEARTBEAT, content_frames(1, b"")).calls[-1][0] == "publish"


def test_contents_of_two_channels_may_interleave() -> None:
    """Each channel assembles its own content."""
    first, second = content_frames(1, b"first"), content_frames(2, b"second")
    session = opened(1, 2).feed(
        PUBLISH + method_frame(2, "basic.publish"),
        first[:22] + second[:22],
        second[22:] + first[22:],
    )
    assert [(call[1], call[4]) for call in session.calls] == [(2, second), (1, first)]


def test_nothing_is_kept_of_what_comes_after_the_end() -> None:
    """Octets behind a bare close are dropped, in the same read and in later ones."""
    session = ScriptedSession().feed(b"no header" + bytes(1000), bytes(1000), bytes(1000))
    assert session.calls == [("refuse", PROTOCOL_HEADER)]
    assert session.connection._buffer == b""  # noqa: SLF001  what must not grow
