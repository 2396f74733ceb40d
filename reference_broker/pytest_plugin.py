"""Fixtures for the tests of applications that speak AMQP; loaded by pytest when installed."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import NoReturn
from urllib.parse import urlsplit

import pytest

from .server.embedded import RunningBroker, StandInError, running

STAND_IN = "stand-in"
_OPTION = "--amqp-broker"
_PORTS = {"amqp": 5672, "amqps": 5671}


class OtherBroker:
    """A broker that is not the stand-in: its address is all that is known of it."""

    def __init__(self, url: str) -> None:
        self.url = url
        parts = urlsplit(url)
        self.host = parts.hostname or "localhost"
        self.port = parts.port or _PORTS[parts.scheme]

    def __getattr__(self, name: str) -> NoReturn:
        raise StandInError(
            f"`{name}` is what the stand-in alone has: use the fixture amqp_stand_in, "
            f"or leave out {_OPTION}"
        )


AnyBroker = RunningBroker | OtherBroker


class Hooks:
    """What other plugins can add."""

    @pytest.hookspec(firstresult=True)
    def pytest_amqp_broker(self, spec: str) -> AbstractContextManager[AnyBroker] | None:
        """The broker of one test for the value of --amqp-broker; None for a value of others'."""


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Let other plugins know more kinds of brokers."""
    pluginmanager.add_hookspecs(Hooks)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which broker the tests of an application run on."""
    parser.getgroup("amqp").addoption(
        _OPTION,
        default=STAND_IN,
        metavar="BROKER",
        help="what the fixture amqp_broker gives: `stand-in` (default), fresh for each test, or "
        "the URL of a broker that runs, amqp://guest:guest@localhost:5672/",
    )


@pytest.hookimpl(trylast=True)
def pytest_amqp_broker(spec: str) -> AbstractContextManager[AnyBroker] | None:
    """The stand-in, or a URL."""
    if spec == STAND_IN:
        return running(observe=True)
    return nullcontext(OtherBroker(spec)) if urlsplit(spec).scheme in _PORTS else None


@pytest.fixture
def amqp_broker(request: pytest.FixtureRequest) -> Iterator[AnyBroker]:
    """The broker of this test, by default a fresh one; its address is `amqp_broker.url`."""
    spec = request.config.getoption(_OPTION)
    found = request.config.hook.pytest_amqp_broker(spec=spec)
    if found is None:
        raise pytest.UsageError(f"{_OPTION} {spec}: write {STAND_IN}, or amqp://USER:PASSWORD@HOST")
    with found as broker:
        yield broker


@pytest.fixture
def amqp_stand_in() -> Iterator[RunningBroker]:
    """A fresh stand-in, whatever the option says: for tests that ask what was published."""
    with running(observe=True) as broker:
        yield broker
