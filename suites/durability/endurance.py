"""One restart for many tests: each test's setup is done before it, each test asks after it.

A test module makes `before = Before()`, decorates its setups with it, and its tests take the
fixture `after`, which gives what a setup returned: `after(durable_queue)`. Every test is run after
a graceful restart and once more after a kill. What failed before fails the test that asks for it,
so that one feature that a broker lacks does not hide the others.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from suites.brokers.administration import Administration
from suites.brokers.base import Broker, BrokerError, Endpoint, Unsupported
from suites.clients.raw import RawClient
from suites.durability.crash import revive, seal, settle, start_again
from suites.harness.names import Janitor, Names
from suites.harness.station import STATION

Made = TypeVar("Made")

RESTART, KILL = "restart", "kill"


@dataclass
class Stage:
    """What a setup has: names, clients that stay connected until the broker ends, an operator."""

    endpoint: Endpoint
    names: Names
    administration: Callable[[], Administration]
    _clients: list[RawClient] = field(default_factory=list)

    def client(self, **handshake: Any) -> RawClient:
        """A new client with channel 1 open, in confirm mode."""
        client = RawClient.open(self.endpoint, **handshake)
        self._clients.append(client)
        client.open_channel(1)
        client.call(1, "confirm.select")
        return client

    def close(self) -> None:
        """Close what is left of the clients' sockets."""
        for client in self._clients:
            client.link.close()


Setup = Callable[[Stage], Made]


class Before:
    """The setups of one module, in the order in which they stand there."""

    def __init__(self) -> None:
        self._setups: list[Setup[Any]] = []

    def __call__(self, setup: Setup[Made]) -> Setup[Made]:
        """Have this done before the restart."""
        self._setups.append(setup)
        return setup

    def run(self, stage: Stage) -> dict[Setup[Any], Any]:
        """What each setup gave: its value, or the exception that it raised."""
        made: dict[Setup[Any], Any] = {}
        for setup in self._setups:
            try:
                made[setup] = setup(stage)
            except Exception as error:  # noqa: BLE001  raised again in the test that asks for it
                made[setup] = error
        return made


@dataclass(frozen=True)
class After:
    """The restart is over: `how` it was done, and when the broker was there again (monotonic)."""

    how: str
    started: float
    _made: dict[Setup[Any], Any]
    _failure: Exception | None

    def __call__(self, setup: Setup[Made]) -> Made:
        """What this setup gave; raises what went wrong in it, or in the restart."""
        for error in (self._made[setup], self._failure):
            if isinstance(error, Exception):
                raise error
        made: Made = self._made[setup]
        return made


@pytest.fixture(scope="module", params=(RESTART, KILL))
def after(request: pytest.FixtureRequest, janitor: Janitor) -> Iterator[After]:
    """The broker has done the module's setups, has ended one way or the other, and is back."""
    broker: Broker = request.config.stash[STATION].up()
    if request.param not in broker.capabilities:
        raise Unsupported(
            f"a broker of the kind `{broker.kind}` cannot be ended by {request.param}"
        )
    if request.param == KILL:
        settle(broker)
    before: Before = request.module.before
    names = Names(broker.endpoint, janitor, f"over {request.param}")
    stage = Stage(broker.endpoint, names, broker.administration)
    made = before.run(stage)
    failure = _end_and_start(broker, request.param)
    stage.close()
    yield After(request.param, time.monotonic(), made, failure)
    revive(broker)
    stage.names.clean()


def _end_and_start(broker: Broker, how: str) -> Exception | None:
    """What was wrong with the end or with the start, if anything."""
    try:
        if how == KILL:
            seal(broker.endpoint)
            broker.kill()
        else:
            broker.stop()
        start_again(broker)
    except (AssertionError, BrokerError) as error:
        revive(broker)  # for the tests: each of them raises the error that is kept here
        return error
    return None
