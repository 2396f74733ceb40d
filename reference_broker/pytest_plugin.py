"""Fixtures for the tests of applications that speak AMQP; loaded by pytest when installed."""

from collections.abc import Iterator

import pytest

from .server.embedded import RunningBroker, running


@pytest.fixture
def amqp_broker() -> Iterator[RunningBroker]:
    """A fresh broker for this test; its address is `amqp_broker.url`."""
    with running() as broker:
        yield broker
