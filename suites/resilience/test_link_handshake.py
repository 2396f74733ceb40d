"""Connections that end, are refused, or are not answered while they are being opened."""

import socket
from functools import partial

import pika
import pytest

from faults import when
from faults.proxy import Toxic
from faults.toxics import CutAfter, Mute, Refuse
from suites import verify
from suites.clients.handshake import PROTOCOL_HEADER
from suites.clients.link import CLOSED
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.resilience.fixtures import LinkProxy
from suites.resilience.together import together

STEPS = (
    "connection.start",
    "connection.start-ok",
    "connection.tune",
    "connection.tune-ok",
    "connection.open",
    "connection.open-ok",
    "channel.open",
    "channel.open-ok",
)
LEFT_BEHIND = 15.0  # seconds: RabbitMQ gives a newcomer 10 s before it closes
SILENT = 0.3  # seconds


def cuts() -> list[Toxic]:
    """The link cut before, inside and after each step, and within the protocol header."""
    header = [CutAfter(octets) for octets in range(0, len(PROTOCOL_HEADER) + 1, 4)]
    return [*header, *(when(s).cut(p) for s in STEPS for p in ("before", "inside", "after"))]


@pytest.mark.requirement("fault/proxy-cut-handshake")
def test_cut_at_each_step(proxy: LinkProxy, hurt: RawClients, witness: RawClient) -> None:
    """Wherever the handshake ends, the client sees the end, and the broker keeps no socket."""
    for cut in cuts():
        with proxy.fault(cut):
            verify.equal(opening(hurt), CLOSED, f"end by {cut!r}")
        witness.sync(1)
    verify.eventually(proxy.connections, "connections left behind", LEFT_BEHIND, wanted=[])
    hurt().sync(1)


def opening(hurt: RawClients) -> str:
    """How the opening of a connection and a channel ends, and of one request after it."""
    client = hurt.connect()
    try:
        client.handshake().open_channel(1)
        client.sync(1)
    except verify.Mismatch as end:
        return end.actual.removesuffix(" in mid-frame")
    finally:
        client.link.close()
    return "nothing"


@pytest.mark.requirement("fault/proxy-refuse")
def test_refused_connections(proxy: LinkProxy, hurt: RawClients) -> None:
    """While new connections are refused, raw or pika's, an open one goes on; then all is well."""
    client = hurt()
    there = pika.ConnectionParameters(proxy.host, proxy.port)
    with proxy.fault(Refuse()):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((proxy.host, proxy.port))
        with pytest.raises(pika.exceptions.AMQPConnectionError):
            pika.BlockingConnection(there)
        client.sync(1)
    client.sync(1)
    hurt().sync(1)


@pytest.mark.requirement("fault/proxy-mute")
def test_connections_that_are_not_answered(proxy: LinkProxy, hurt: RawClients) -> None:
    """A client that is not answered waits; the handshake goes on when the link does."""
    client = hurt()
    with proxy.fault(Mute()):
        newcomer = hurt.connect(timeout=SILENT)
        with pytest.raises(verify.Mismatch) as silent:
            newcomer.start()
        verify.equal(silent.value.actual, "silence", "answer")
        client.sync(1)
    newcomer.timeout = client.timeout
    started = newcomer.expect(0, "connection.start")
    verify.equal(started["version_minor"], 9, "minor version")
    newcomer.start_ok()
    newcomer.tune_ok()
    newcomer.open_vhost()
    together(partial(newcomer.open_channel, 1), partial(client.sync, 1))
