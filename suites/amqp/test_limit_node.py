"""Limits that the configuration sets: channels of all connections, consumers of a channel."""

import pytest

from suites.amqp.steps import fill, take
from suites.amqp.topology import own_queue
from suites.harness.names import Names
from suites.harness.variants import ClientsOf

CHANNELS, CONSUMERS = 5, 2


@pytest.mark.requirement("limit/channels-node")
def test_channels_node(clients_of: ClientsOf) -> None:
    """One channel too many for the broker closes its connection with 530, and no other."""
    make = clients_of(channel_max_per_node=CHANNELS)
    first, second = make(channels=3), make(channels=2)
    second.send(3, "channel.open")
    second.expect_connection_close(530)
    first.sync(3)
    third = make(channels=2)
    third.sync(2)


@pytest.mark.requirement("limit/consumers-channel")
def test_consumers_channel(clients_of: ClientsOf, names: Names) -> None:
    """One consumer too many on a channel closes the connection with 530."""
    make = clients_of(consumer_max_per_channel=CONSUMERS)
    client = make()
    queue = own_queue(client, names)
    tag, _second = client.consume(1, queue), client.consume(1, queue)
    client.call(1, "basic.cancel", consumer_tag=tag)
    client.consume(1, queue)
    fill(client, queue, [b"1", b"2"])
    take(client, b"1", b"2")
    client.send(1, "basic.consume", queue=queue)
    client.expect_connection_close(530)
