"""What the real server was seen to do, replayed byte for byte."""

import pytest

from suites import verify
from suites.clients.memcache import TextClient
from suites.harness.text_fixtures import TextClients
from suites.memcacheq import recorded
from suites.memcacheq.recorded import Exchange, Row

CASES = [
    pytest.param(
        profile,
        exchange,
        id=f"{profile}-{exchange.topic}-{exchange.id}",
        marks=pytest.mark.requirement(f"memcacheq/{exchange.topic}"),
    )
    for profile, kinds in recorded.PROFILES.items()
    for exchange in recorded.exchanges()
    if exchange.kind in kinds
]


@pytest.mark.parametrize(("profile", "exchange"), CASES)
def test_recorded(memcacheq: TextClients, profile: str, exchange: Exchange) -> None:
    """An exchange recorded from the real server has the same replies here."""
    settings = {"profile": profile, "item_size": "1024"}  # the limit that was recorded
    clear(memcacheq(**settings), exchange)
    clients: dict[str, TextClient] = {}
    ended = set()
    for row in exchange.rows:
        if row.connection not in clients:
            clients[row.connection] = memcacheq(**settings)
        replay(clients[row.connection], exchange, row)
        if row.closed:
            ended.add(row.connection)
    for name in clients.keys() - ended:
        clients[name].finish()


def clear(client: TextClient, exchange: Exchange) -> None:
    """Remove what an earlier run may have left on a server that runs on."""
    for queue in exchange.queues:
        client.send(b"delete %b\r\n" % queue)
        client.line()


def replay(client: TextClient, exchange: Exchange, row: Row) -> None:
    """Send one row, and compare what comes."""
    client.send_pieces(row.send, row.chunks)
    if row.half_close:
        client.half_close()
    if row.volatile:
        reply = client.until(b"END\r\n")
        verify.equal(recorded.masked(reply), recorded.masked(row.receive), "reply")
    elif row.send == b"stats queue\r\n":
        own = recorded.only(exchange.queues, client.until(b"END\r\n"))
        verify.equal(own, recorded.only(exchange.queues, row.receive), "reply")
    else:
        client.expect(row.receive)
    if row.closed:
        client.expect_end()
