"""How a provocation may end where the specification or its readers leave a choice."""

from collections.abc import Callable

from suites.amqp import literal
from suites.clients.raw import RawClient
from suites.verify import Mismatch

Observe = Callable[[str], None]

BARE = "socket closed"
ACCEPTED = "accepted"
CLEANED = "cleaned"
ROUND_TRIP = "exchange.declare-ok"


def expect_fatal(client: RawClient, *codes: int, channel: int = 0) -> str:
    """Connection.Close with one of these codes, or the bare end of the socket; gives which.

    What comes on `channel` instead is the Mismatch.
    """
    return _ending(client, channel, codes, (BARE,))


def expect_closed(client: RawClient, channel: int, *codes: int) -> None:
    """Connection.Close with one of these codes; a reply on `channel` instead is the Mismatch.

    Where no reply can come, RawClient.expect_connection_close says the same.
    """
    _ending(client, channel, codes, ())


def accepted_or_fatal(client: RawClient, channel: int, *codes: int) -> str:
    """`accepted` if a round trip on the channel still works, else as `expect_fatal`."""
    client.send(channel, "exchange.declare", exchange="amq.direct", type="direct", passive=True)
    ending = _ending(client, channel, codes, (ROUND_TRIP, BARE))
    return ACCEPTED if ending == ROUND_TRIP else ending


def unchanged_or_fatal(
    client: RawClient, queue: str, properties: bytes, cleaned: bytes | None = None
) -> str:
    """`accepted` if a message with these properties comes back with them, else how it ended.

    Or `cleaned` if it comes back with those, which lack what stands for nothing.
    """
    client.call(1, "queue.declare", queue=queue)
    client.send(1, "basic.publish", routing_key=queue)
    client.send_frame(2, 1, literal.header(0, properties))
    ending = accepted_or_fatal(client, 1, 501, 502, 541)
    if ending == ACCEPTED:
        client.send(1, "basic.get", queue=queue, no_ack=True)
        returned = client.expect_content(1, "basic.get-ok", b"").header[literal.FLAGS_AT :]
        if returned == cleaned:
            return CLEANED
        if returned != properties:
            raise Mismatch(f"properties {properties[:40]!r}", f"properties {returned[:40]!r}")
    return ending


def _ending(
    client: RawClient, channel: int, codes: tuple[int, ...], others: tuple[str, ...]
) -> str:
    """A Close with one of these codes, answered, or one of the other canonical forms."""
    expected = " or ".join([f"connection.close {' or '.join(map(str, codes))}", *others])
    try:
        received = client.read_method(channel)
    except Mismatch as none:
        if none.actual.startswith(BARE) and BARE in others:
            return BARE
        raise Mismatch(expected, none.actual, none.detail) from None
    if str(received) in others:
        return str(received)
    if received.name != "connection.close" or received["reply_code"] not in codes:
        raise Mismatch(expected, str(received), received.detail)
    client.answer_close(received)
    return str(received)
