"""The memory alarm of the reference broker, as a publisher meets it."""

from pathlib import Path

import pika
import pytest

import reference_broker
from suites import verify


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the alarm reads /proc")
def test_a_publisher_is_blocked_until_the_messages_are_gone() -> None:
    """A process over its limit blocks who publishes; with the messages gone it unblocks."""
    told: list[str] = []
    with reference_broker.running(memory_limit=1) as broker:
        parameters = pika.URLParameters(broker.url)
        with pika.BlockingConnection(parameters) as other, other.channel() as helper:
            publisher = pika.BlockingConnection(parameters)
            publisher.add_on_connection_blocked_callback(lambda *_: told.append("blocked"))
            publisher.add_on_connection_unblocked_callback(lambda *_: told.append("unblocked"))
            channel = publisher.channel()
            channel.queue_declare("held")

            def blocked() -> bool:
                channel.basic_publish("", "held", b"x")
                publisher.process_data_events(0.05)
                return told == ["blocked"]

            def unblocked() -> bool:
                helper.queue_purge("held")
                publisher.process_data_events(0.05)
                return told == ["blocked", "unblocked"]

            verify.eventually(blocked, "connection.blocked", within=10)
            verify.eventually(unblocked, "connection.unblocked", within=10)
            publisher.close()
