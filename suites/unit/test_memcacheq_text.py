"""memcacheq's front end without a socket: every recorded exchange, in every fragmentation."""

import random
from collections.abc import Callable

import pytest

from reference_broker.broker.vhost import VHost
from reference_broker.memcacheq.frontend import Memcacheq
from reference_broker.memcacheq.kv_frontend import KeyValue
from reference_broker.memcacheq.settings import Settings
from reference_broker.memcacheq.text import LINE_MAX, TextSession
from suites.memcacheq import recorded
from suites.unit.memcacheq_stage import Stage

SLOW = 20_000  # octets that are too many to be fed one by one

Cut = Callable[[bytes], list[bytes]]


def whole(data: bytes) -> list[bytes]:
    """All at once."""
    return [data]


def octets(data: bytes) -> list[bytes]:
    """One by one."""
    return [data[place : place + 1] for place in range(len(data))] if len(data) < SLOW else [data]


def at_random(data: bytes) -> list[bytes]:
    """In pieces of any size, the same at each run."""
    chance = random.Random(len(data))  # noqa: S311  to be repeated
    pieces, place = [], 0
    while place < len(data):
        size = chance.randint(1, max(2, len(data) // 7))
        pieces.append(data[place : place + size])
        place += size
    return pieces


@pytest.mark.parametrize("cut", [whole, octets, at_random])
@pytest.mark.parametrize("profile", recorded.PROFILES)
def test_the_whole_recording(profile: str, cut: Cut) -> None:
    """The exchanges follow one another on one server, as they were recorded."""
    stage = Stage()
    settings = Settings(strict=profile == "strict", item_size=1024)
    front = Memcacheq(stage, VHost("/", stage), settings)
    for exchange in recorded.exchanges():
        if exchange.kind not in recorded.PROFILES[profile]:
            continue
        clients: dict[str, TextSession] = {}
        for row in exchange.rows:
            client = clients.get(row.connection) or stage.connect(front)
            clients[row.connection] = client
            for piece in cut(row.send):
                stage.feed(client, piece)
            if row.half_close:
                client.finished()
                stage.settle()
            reply = stage.reply(client)
            same = recorded.masked if row.volatile else bytes
            assert same(reply) == same(row.receive), (exchange.topic, exchange.id, row.send)
            assert stage.closed(client) == row.closed
        for client in clients.values():
            client.end()


def standard() -> tuple[Stage, TextSession]:
    """A client of the standard profile."""
    stage = Stage()
    return stage, stage.connect(Memcacheq(stage, VHost("/", stage), Settings()))


def test_a_long_line_is_not_kept() -> None:
    """More than LINE_MAX octets without an end are discarded as they come, and one ERROR told."""
    stage, client = standard()
    for _ in range(8):
        stage.feed(client, b"x" * (LINE_MAX // 4 + 1))
    assert stage.held(client) <= LINE_MAX
    stage.feed(client, b"\r\nversion\r\n")
    assert stage.reply(client) == b"ERROR\r\nVERSION 0.2.1\r\n"


@pytest.mark.parametrize("size", [LINE_MAX - 1, LINE_MAX, LINE_MAX + 1])
def test_the_longest_line_does_not_depend_on_pieces(size: int) -> None:
    """A line at the limit has one meaning, whether it comes whole or not."""
    replies = []
    for cut in (whole, at_random):
        stage, client = standard()
        for piece in cut(b"get " + b"q " * ((size - 4) // 2) + b"\r\n"):
            stage.feed(client, piece)
        replies.append(stage.reply(client))
    assert replies[0] == replies[1]


def test_a_client_that_does_not_read_is_not_answered_for_ever() -> None:
    """Commands wait while the transport is full, and go on when it has room."""
    stage, client = standard()
    stage.feed(client, b"set q 0 0 1000000\r\n" + b"x" * 1_000_000 + b"\r\n")
    client.pause_writing()
    stage.feed(client, b"get q/peek\r\n" * 50)
    assert len(stage.reply(client)) < 4_000_000
    assert not stage.reads(client)
    while not stage.reads(client):
        client.resume_writing()
        stage.settle()
        stage.run_timers()
    total = 8 + 50 * len(b"VALUE q/peek 0 1000000\r\n\r\nEND\r\n") + 50 * 1_000_000
    assert stage.written(client) == total


def test_what_waits_is_bounded_too() -> None:
    """A client that waits for a value cannot make the server keep what else it sends."""
    stage, client = standard()
    stage.feed(client, b"get q/t=1000\r\n")
    for _ in range(20):
        if stage.reads(client):
            stage.feed(client, b"version\r\n" * 10_000)
    assert stage.held(client) < 1_000_000
    stage.run_timers()
    assert stage.reads(client)
    assert stage.reply(client).startswith(b"END\r\nVERSION 0.2.1\r\n")


def test_nothing_is_said_before_the_turn_is_settled() -> None:
    """A reply waits for the commit; when that fails it is never sent."""
    stage, client = standard()
    client.receive(b"set q 0 0 1\r\nx\r\n")
    assert stage.written(client) == 0
    client.out.clear()
    client.fail("disk full")
    stage.settle()
    assert stage.reply(client) == b"SERVER_ERROR disk full\r\n"
    assert stage.closed(client)


def test_an_alarm_refuses_what_would_be_stored() -> None:
    """While memory is short nothing goes in, and what is there can be taken out."""
    stage, client = standard()
    items = stage.connect(KeyValue(stage, "1", None))
    stage.feed(client, b"set q 0 0 1\r\nx\r\n")
    stage.feed(items, b"set k 0 0 1\r\nx\r\n")
    stage.alarm = "memory"
    stage.feed(client, b"set q 0 0 1\r\ny\r\nget q q\r\n")
    stage.feed(items, b"set k 0 0 1\r\ny\r\nappend k 0 0 1\r\ny\r\nget k\r\n")
    found = b"VALUE %b 0 1\r\nx\r\nEND\r\n"
    assert stage.reply(client) == b"STORED\r\nNOT_STORED\r\n" + found % b"q"
    refused = b"SERVER_ERROR out of memory storing object\r\n"
    assert stage.reply(items) == b"STORED\r\n" + refused * 2 + found % b"k"
