"""Who is compared with whom in each kind of programs, and the brokers' lives."""

import shutil
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from suites.brokers import rabbitmq_home, registry
from suites.brokers.base import Broker, BrokerError
from suites.stateful import key_value, queue_text
from suites.stateful.amqp import AmqpContest
from suites.stateful.campaign import Contest
from suites.stateful.text import TextContest

WHATS = ("amqp", "memcacheq", "memcached")
REFERENCE = "reference"


class Cast:
    """Brokers by what they are asked for; each is started once, and ended with the cast."""

    def __init__(self, specs: Sequence[str]) -> None:
        self._given = list(dict.fromkeys(specs))
        self._brokers: dict[str, Broker] = {}
        self.identities: dict[str, str] = {}
        """Product and version of each that was started, by its name."""

    def named(self, what: str) -> list[str]:
        """The strings of those to compare: those given, or the reference and its twin here."""
        if self._given:
            return self._given
        return [REFERENCE, *_twins(what)]

    def started(self, spec: str) -> Broker:
        """The broker of that string, running."""
        if spec not in self._brokers:
            broker = registry.parse(spec)
            self._brokers[spec] = broker
            broker.start()
            said = broker.identity
            self.identities[broker.name] = f"{said.product} {said.version}"
        return self._brokers[spec]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for broker in self._brokers.values():
            broker.close()


def _twins(what: str) -> list[str]:
    """The real one that is installed; nobody has packaged a memcacheq."""
    if what == "memcached" and shutil.which("memcached"):
        return ["memcached"]
    if what == "amqp":
        try:
            rabbitmq_home.script("rabbitmq-server")
        except BrokerError as error:
            sys.stderr.write(f"twin: without RabbitMQ, by the model alone: {error}\n")
        else:
            return ["rabbitmq"]
    return []


def contest(what: str, cast: Cast, only: Sequence[str]) -> Contest | None:
    """The contest, ready to be conducted; None if nobody here takes part."""
    brokers = [cast.started(spec) for spec in cast.named(what)]
    if what == "amqp":
        endpoints = {broker.name: broker.endpoint for broker in brokers if broker.amqp}
        return AmqpContest(endpoints, only) if endpoints else None
    addresses = {
        broker.name: (broker.endpoint.host, broker.text_ports[what])
        for broker in brokers
        if what in broker.text_ports
    }
    if not addresses:
        return None
    if what == "memcached":
        return TextContest(what, addresses, key_value.KeyValueModel, key_value.commands)
    return TextContest(what, addresses, queue_text.QueueModel, queue_text.commands)
