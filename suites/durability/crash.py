"""Fixtures for tests that end the broker: it is there again after them, whatever they did."""

import contextlib
from collections.abc import Iterator

import pytest

from suites.brokers.base import Broker, BrokerError, Unsupported
from suites.harness.station import Station
from suites.verify import Mismatch

READY_TIMEOUT = 10.0


@pytest.fixture
def mortal(station: Station) -> Iterator[Broker]:
    """The broker under test, which no other test of this process uses meanwhile.

    One that does not come back is thrown away with its data, so that the next test gets a new one.
    """
    broker = station.up()
    yield broker
    revive(broker)


def revive(broker: Broker) -> None:
    """Have it run, or leave it to be made anew."""
    with contextlib.suppress(BrokerError, Unsupported):
        if not broker.alive():
            broker.start()
    if not broker.ready(READY_TIMEOUT):
        broker.close()


def start_again(broker: Broker) -> None:
    """Start it with its data; a broker that refuses them is a finding, not an accident."""
    try:
        broker.start()
    except BrokerError as error:
        raise Mismatch("the broker starts again", "it does not start", str(error)) from error
