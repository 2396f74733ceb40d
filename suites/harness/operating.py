"""The operator of the broker under test: what a test has changed is undone after it."""

import contextlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from suites.brokers.administration import Administration
from suites.brokers.base import Broker, BrokerError, Endpoint
from suites.harness.evidence import Evidence
from suites.harness.fixtures import RawClients

ALL, NOTHING = ".*", "^$"


@dataclass(frozen=True)
class Realm:
    """A new vhost with a new user, who may do all in it, and who makes clients there."""

    vhost: str
    user: str
    clients: RawClients


class Operator:
    """Administers, and undoes it in reverse order."""

    def __init__(self, administration: Administration, endpoint: Endpoint) -> None:
        self.do = administration
        self._endpoint = endpoint
        self._undo: list[Callable[[], object]] = []
        self._alarms: set[str] = set()

    def later(self, undo: Callable[[], object]) -> None:
        """Call this after the test."""
        self._undo.append(undo)

    def user(self, *tags: str) -> Endpoint:
        """A new user without permissions."""
        name = f"mqproof-{uuid.uuid4().hex[:8]}"
        self.do.add_user(name, name, tags)
        self.later(lambda: self.do.delete_user(name))
        return replace(self._endpoint, user=name, password=name)

    def realm(self, evidence: Evidence) -> Realm:
        """A new vhost, which the suites' own user may use as well, with a new user of its own."""
        name = f"mqproof-{uuid.uuid4().hex[:8]}"
        self.later(lambda: self.do.delete_realm(name, name))
        self.do.add_realm(name, self._endpoint.user, name)
        endpoint = replace(self._endpoint, user=name, password=name, vhost=name)
        return Realm(name, name, RawClients(endpoint, evidence))

    def alarm(self, resource: str = "memory") -> None:
        """Raise an alarm, which is cleared after the test at the latest."""
        self._alarms.add(resource)
        self.do.raise_alarm(resource)

    def calm(self, resource: str = "memory") -> None:
        """Clear an alarm."""
        self.do.clear_alarm(resource)
        self._alarms.discard(resource)

    def undo(self) -> None:
        """Undo all; what the test itself has removed is no error."""
        for resource in sorted(self._alarms):
            self.calm(resource)
        while self._undo:
            with contextlib.suppress(BrokerError):
                self._undo.pop()()


@pytest.fixture
def operator(broker: Broker, endpoint: Endpoint, raw: RawClients) -> Iterator[Operator]:
    """The operator of the broker under test; clients end only after what is undone here."""
    del raw
    found = Operator(broker.administration(), endpoint)
    yield found
    found.undo()


@pytest.fixture
def realm(operator: Operator, evidence: Evidence) -> Realm:
    """A vhost of the test's own, with a user of its own."""
    return operator.realm(evidence)
