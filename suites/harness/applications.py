"""`--amqp-broker SPEC`: the tests of an application on any broker that the harness can start.

Each test gets a vhost of its own where the broker can be administered.
"""

import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

import pytest

from reference_broker.pytest_plugin import OtherBroker
from suites.brokers import registry
from suites.brokers.base import Broker

_URLS = {"amqp", "amqps"}  # those brokers run already, and the application's own plugin knows them


class ApplicationBrokers:
    """A plugin that starts each broker once and ends it with the session."""

    def __init__(self) -> None:
        self._running: dict[str, Broker] = {}

    @pytest.hookimpl(optionalhook=True)  # the plugin that asks is loaded where it is installed
    def pytest_amqp_broker(self, spec: str) -> AbstractContextManager[OtherBroker] | None:
        """One of a kind in `suites.brokers.kinds`; BrokerError for one that does not start."""
        kind = spec.partition(":")[0]
        if kind in _URLS or kind not in registry.known():
            return None
        if spec not in self._running:
            broker = registry.parse(spec)
            broker.administered = True
            broker.start()
            self._running[spec] = broker
        return _with_vhost(self._running[spec])

    def pytest_unconfigure(self) -> None:
        """End them."""
        for broker in self._running.values():
            broker.close()


def pytest_configure(config: pytest.Config) -> None:
    """Answer the hook of the application's own plugin."""
    config.pluginmanager.register(ApplicationBrokers())


@contextmanager
def _with_vhost(broker: Broker) -> Iterator[OtherBroker]:
    endpoint = broker.endpoint
    if "admin" not in broker.capabilities:
        yield OtherBroker(endpoint.url)
        return
    operator, vhost = broker.administration(), f"mqproof-{uuid.uuid4().hex[:8]}"
    operator.add_vhost(vhost)
    try:
        operator.permit(endpoint.user, vhost, ".*", ".*", ".*")
        yield OtherBroker(replace(endpoint, vhost=vhost).url)
    finally:
        operator.delete_vhost(vhost)
