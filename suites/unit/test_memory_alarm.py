"""The memory alarm of the reference broker, as a publisher meets it."""

from pathlib import Path

import pika
import pytest

import reference_broker
from reference_broker.server.alarms import resident
from suites import verify
from suites.brokers.base import Endpoint
from suites.clients.raw import RawClient

ROOM = 20_000_000  # octets that the process may still grow
BODY = bytes(1_000_000)

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="the alarm reads /proc"
)


def test_a_publisher_is_blocked_until_the_messages_are_gone() -> None:
    """A process over its limit blocks who publishes; with the messages gone it unblocks."""
    told: list[str] = []
    with reference_broker.running(memory_limit=resident() + ROOM) as broker:
        parameters = pika.URLParameters(broker.url)
        with pika.BlockingConnection(parameters) as other, other.channel() as helper:
            publisher = pika.BlockingConnection(parameters)
            publisher.add_on_connection_blocked_callback(lambda *_: told.append("blocked"))
            publisher.add_on_connection_unblocked_callback(lambda *_: told.append("unblocked"))
            channel = publisher.channel()
            channel.queue_declare("held")

            def blocked() -> bool:
                channel.basic_publish("", "held", BODY)
                publisher.process_data_events(0.02)
                return told == ["blocked"]

            def unblocked() -> bool:
                helper.queue_purge("held")
                publisher.process_data_events(0.05)
                return told == ["blocked", "unblocked"]

            verify.eventually(blocked, "connection.blocked", within=30)
            verify.eventually(unblocked, "connection.unblocked", within=30)
            publisher.close()


def test_a_limit_that_cannot_be_kept_blocks_from_the_first_publish() -> None:
    """As on RabbitMQ, where the process is larger than the limit without any messages."""
    with (
        reference_broker.running(memory_limit=1) as broker,
        RawClient.open(Endpoint(broker.host, broker.port)) as client,
    ):
        client.open_channel(1)
        client.publish(1, "", "nowhere", b"x")
        verify.equal(client.expect(0, "connection.blocked")["reason"], "low on memory", "reason")
        client.link.close()
