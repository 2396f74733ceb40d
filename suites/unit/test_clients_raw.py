from collections.abc import Callable, Iterator

import pytest

from reference_broker.wire.errors import WireError
from reference_broker.wire.framing import HEARTBEAT, content_frames, encode_frame, method_frame
from reference_broker.wire.methods import Method
from reports.model import Closing
from suites.clients.raw import RawClient
from suites.clients.received import Delivery
from suites.unit.liar import TRUTH, Last, Liar
from suites.verify import Mismatch

# The body's frame takes 13 octets.
HELLO = content_frames(1, b"hello", {"content_type": "text/plain"})
DELIVER = method_frame(1, "basic.deliver", consumer_tag="t", delivery_tag=1) + HELLO
RETURN = method_frame(1, "basic.return", reply_code=312, reply_text="NO_ROUTE") + HELLO
ACK = method_frame(1, "basic.ack", delivery_tag=1)
DECLARED = method_frame(1, "queue.declare-ok", queue="q")
OTHER = method_frame(2, "queue.purge-ok", message_count=3)
ENDED = method_frame(0, "connection.close", reply_code=501, reply_text="FRAME_ERROR")
CLOSED = method_frame(
    1, "channel.close", reply_code=404, reply_text="NOT_FOUND", class_id=50, method_id=10
)

Open = Callable[[bytes], RawClient]


@pytest.fixture
def told() -> Iterator[Open]:
    """Opens a client of a server that says these octets when a queue is declared."""
    opened: list[tuple[Liar, RawClient]] = []

    def _open(answer: bytes) -> RawClient:
        def script(method: Method) -> bytes:
            return answer if method.name == "queue.declare" else b""

        liar = Liar(script)
        client = RawClient(liar.endpoint, timeout=0.3)
        opened.append((liar, client))
        client.handshake().open_channel(1)
        return client

    yield _open
    for liar, client in opened:
        client.close()
        with liar:
            pass


def test_call_leaves_what_comes_before_the_reply(told: Open) -> None:
    """Deliveries, returns and acks may precede a reply, and are read afterwards, in order."""
    client = told(DELIVER + RETURN + ACK + DECLARED)
    assert client.call(1, "queue.declare")["queue"] == "q"
    assert client.expect_content(1, "basic.deliver", b"hello").properties == {
        "content_type": "text/plain"
    }
    assert str(client.expect_content(1, "basic.return")) == "basic.return 312 b'hello'"
    assert client.expect(1, "basic.ack")["delivery_tag"] == 1
    client.expect_quiet(1)


def test_call_refuses_a_method_without_reply(told: Open) -> None:
    """A test that waits for the reply of basic.publish is wrong, whatever the broker does."""
    with pytest.raises(ValueError, match=r"basic\.publish has no reply"):
        told(b"").call(1, "basic.publish")


def test_expect_is_strict_about_order(told: Open) -> None:
    """What comes first must be what is expected."""
    client = told(ACK + DECLARED)
    client.send(1, "queue.declare")
    with pytest.raises(Mismatch) as caught:
        client.expect(1, "queue.declare-ok")
    assert (caught.value.expected, caught.value.actual) == ("queue.declare-ok", "basic.ack")


def test_channels_are_read_apart(told: Open) -> None:
    """What is for another channel waits for whoever reads that."""
    client = told(OTHER + DECLARED)
    client.call(1, "queue.declare")
    with pytest.raises(Mismatch, match=r"got queue\.purge-ok"):
        client.expect_quiet(2)
    assert client.expect(2, "queue.purge-ok")["message_count"] == 3


def test_a_connection_close_concerns_every_channel(told: Open) -> None:
    """Whoever waits on a channel learns at once that the connection is closed."""
    client = told(ENDED)
    with pytest.raises(Mismatch) as caught:
        client.call(1, "queue.declare")
    assert caught.value.actual == "connection.close 501"


def test_a_channel_close_is_answered_and_judged(told: Open) -> None:
    """The right code and method pass, and the channel can be opened again."""
    client = told(DELIVER + CLOSED)
    client.send(1, "queue.declare")
    closed = client.expect_channel_close(1, 404, 405, method="queue.declare")
    assert closed.detail == "NOT_FOUND"
    assert any("> ch 1 channel.close-ok" in line for line in client.transcript)
    client.open_channel(1)


@pytest.mark.parametrize(
    ("code", "method", "actual"),
    [
        (403, "queue.declare", "channel.close 404"),
        (404, "queue.bind", "channel.close 404 for 50.10"),
        (404, (0, 0), "channel.close 404 for 50.10"),
    ],
)
def test_another_channel_close_is_a_mismatch(
    told: Open, code: int, method: str | tuple[int, int], actual: str
) -> None:
    """A wrong code, and a wrong method at fault, are told apart."""
    client = told(CLOSED)
    client.send(1, "queue.declare")
    with pytest.raises(Mismatch) as caught:
        client.expect_channel_close(1, code, method=method)
    assert caught.value.actual == actual


def test_a_connection_close_ends_with_the_socket(told: Open) -> None:
    """The server ends the socket after the Close, and what came before it does not matter."""
    client = told(Last(OTHER + ENDED))
    client.send(1, "queue.declare")
    client.expect_connection_close(501)
    client.expect(2, "queue.purge-ok")


def test_a_socket_that_stays_is_told_apart(told: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """How the connection ended is judged apart from what was answered."""
    monkeypatch.setattr("suites.clients.raw.CLOSE_TIMEOUT", 0.1)
    monkeypatch.setitem(TRUTH, "connection.close-ok", b"")
    client = told(ENDED)
    client.send(1, "queue.declare")
    client.expect_connection_close(501)
    assert client.closing is Closing.OPEN


@pytest.mark.parametrize(
    ("answer", "closing"),
    [
        (ENDED, Closing.CLEAN),
        (Last(), Closing.BARE),
        (DECLARED, None),
    ],
)
def test_how_the_broker_ended_the_connection(
    told: Open, answer: bytes, closing: Closing | None
) -> None:
    """A close handshake, a bare end, and a connection that lives are told apart."""
    client = told(answer)
    client.send(1, "queue.declare")
    if closing is Closing.CLEAN:
        client.expect_connection_close(501)
    elif closing is Closing.BARE:
        client.expect_socket_closed()
    else:
        client.expect(1, "queue.declare-ok")
    assert client.closing is closing


def test_a_bare_end_is_no_close_method(told: Open) -> None:
    """A Close where only the end of the socket was expected is a mismatch."""
    client = told(Last(ENDED))
    client.send(1, "queue.declare")
    with pytest.raises(Mismatch) as caught:
        client.expect_socket_closed()
    assert (caught.value.expected, caught.value.actual) == (
        "socket closed",
        "connection.close 501",
    )


@pytest.mark.parametrize(
    ("answer", "actual"),
    [
        (b"", "silence"),
        (DECLARED[:8], "silence in mid-frame"),
        (Last(), "socket closed"),
        (Last(DECLARED[:8]), "socket closed in mid-frame"),
        (b"AMQP\x00\x00\x09\x01", "protocol header 0 0 9 1"),
        (DECLARED[:-1] + b"\x00", "garbage"),
        (encode_frame(1, 1, b"\x00\x32"), "garbage"),
        (encode_frame(3, 1, b"a body that nothing announced"), "garbage"),
        (encode_frame(1, 1, b"") * 2, "garbage"),
        (b"\x01\x00\x01\xff\xff\xff\xff", "silence in mid-frame"),
        (b"\x01\x00\x01\xff\xff\xff\xff\x00", "garbage"),
        (DELIVER[:-13] + DECLARED, "garbage"),
        (method_frame(1, "basic.deliver") + DECLARED, "garbage"),
    ],
    ids=[
        "nothing",
        "part-of-a-frame",
        "end",
        "end-in-a-frame",
        "protocol-header",
        "wrong-frame-end",
        "half-a-method",
        "body-alone",
        "empty-method",
        "huge-size",
        "huge-size-and-octet",
        "content-without-body",
        "content-without-header",
    ],
)
def test_what_is_no_method_has_a_canonical_form(told: Open, answer: bytes, actual: str) -> None:
    """Silence, ends and garbage are results that an expectation can name."""
    client = told(answer)
    with pytest.raises(Mismatch) as caught:
        client.call(1, "queue.declare")
    assert caught.value.actual == actual


def test_a_flood_of_others_does_not_outlast_the_deadline(told: Open) -> None:
    """Deliveries that never stop do not keep a client waiting for its reply."""
    client = told(ACK * 100_000)
    with pytest.raises(Mismatch, match="but for what was skipped"):
        client.call(1, "queue.declare", timeout=0.0)


def test_bodies_come_in_any_number_of_frames(told: Open) -> None:
    """A delivery is joined from its frames, and keeps them; an empty body has none."""
    many = content_frames(1, b"x" * 5000, frame_max=4096)
    none = content_frames(1, b"")
    client = told(b"".join(method_frame(1, "basic.deliver") + body for body in (many, none)))
    client.send(1, "queue.declare")
    first, second = (client.expect_content(1, "basic.deliver") for _ in range(2))
    assert (len(first.body), [len(frame.payload) for frame in first.frames[1:]]) == (
        5000,
        [4088, 912],
    )
    assert (second.body, len(second.frames)) == (b"", 1)


def test_a_wrong_body_is_a_mismatch(told: Open) -> None:
    """The canonical form of a delivery shows its body."""
    client = told(DELIVER)
    client.send(1, "queue.declare")
    with pytest.raises(Mismatch) as caught:
        client.expect_content(1, "basic.deliver", b"other")
    assert caught.value.actual == "basic.deliver b'hello'"


def test_a_long_body_is_cut_in_its_form() -> None:
    """The form stays short; the delivery keeps the whole."""
    delivery = Delivery("basic.get-ok", 1, {}, {}, b"", b"x" * 100, ())
    assert str(delivery) == f"basic.get-ok {b'x' * 60!r}…"


def test_heartbeats_are_skipped_and_counted(told: Open) -> None:
    """A heartbeat is nobody's answer, and can be waited for."""
    client = told(HEARTBEAT + DECLARED + HEARTBEAT)
    client.call(1, "queue.declare")
    assert len(client.heartbeats) == 1
    client.expect_heartbeat(0.3)
    with pytest.raises(Mismatch, match=r"expected heartbeat, got silence \(within 0.1 s\)"):
        client.expect_heartbeat(0.1)


def test_raw_octets_can_be_expected(told: Open) -> None:
    """A test may compare octets, whether or not they are frames."""
    client = told(Last(b"AMQP\x01"))
    client.send(1, "queue.declare")
    with pytest.raises(Mismatch, match=r"expected a header, got octets b'AMQP\\x01'"):
        client.expect_octets(b"AMQP\x00\x00\x09\x01", "a header")
    client.expect_socket_closed()


def test_the_transcript_has_both_directions_and_no_password(told: Open) -> None:
    """The evidence is decoded, timed, and fit to be published."""
    client = told(DELIVER + DECLARED)
    client.call(1, "queue.declare", queue="q")
    client.send_bytes(b"\x07junk")
    text = "\n".join(client.transcript)
    for part in (
        "A > octets b'AMQP\\x00\\x00\\t\\x01'",
        "response=***",
        "A > ch 1 queue.declare queue='q'",
        "A < ch 1 header class=60 weight=0 size=5 content_type='text/plain'",
        "A < ch 1 body b'hello'",
        "A > octets b'\\x07junk'",
    ):
        assert part in text
    assert "guest\\x00guest" not in text


def test_open_closes_the_socket_when_the_handshake_fails() -> None:
    """A handshake that fails leaks nothing, which the warnings filter would tell."""
    with Liar(lambda _method: b"") as liar, pytest.raises(WireError):
        RawClient.open(liar.endpoint, vhost="longer than a short string" * 10)


def test_writing_to_a_closed_peer_shows_at_the_next_read(told: Open) -> None:
    """The answer that the broker left before it closed is not lost to a broken pipe."""
    client = told(Last(CLOSED))
    client.send(1, "queue.declare")
    client.expect_channel_close(1, 404)
    client.expect_socket_closed()
    client.send(1, "channel.open")
    client.send(1, "channel.open")
    with pytest.raises(Mismatch, match="got socket closed"):
        client.expect(1, "channel.open-ok")
