"""The one broker of this pytest process: started on first use, and again if it died."""

import contextlib
import time
import uuid
from collections.abc import Mapping
from functools import cached_property

import pytest

from suites.brokers import probe, registry
from suites.brokers.base import Broker, BrokerError, Identity, Unsupported
from suites.clients.raw import RawClient
from suites.expectations import Expectation, for_broker
from suites.verify import POLL_INTERVAL, Mismatch

HANDSHAKE_TIMEOUT = 5.0
HEALTH_TIMEOUT = 30.0  # a broker whose disk is busy may take long, and is no hung one
DYING = 3.0  # a process whose sockets are gone already may be a while writing why it ends

DIED = "the broker died"
HUNG = "the broker hung"


class Station:
    """Holds the broker under test; `up` gives it alive."""

    def __init__(self, spec: str) -> None:
        self.spec = spec
        self._broker: Broker | None = None
        self._refusal: BrokerError | None = None

    @property
    def broker(self) -> Broker:
        """The broker, started or not; BrokerError if the string names none."""
        if self._broker is None:
            self._broker = registry.parse(self.spec)
            self._broker.administered = True
        return self._broker

    @property
    def identity(self) -> Identity:
        """What the broker said of itself, unknown if it never started."""
        try:
            return self.broker.identity
        except BrokerError:
            return Identity()

    @cached_property
    def expectations(self) -> tuple[Expectation, ...]:
        """Those of the started broker's version, and of its string, kind or product."""
        names = (self.spec, self.broker.kind, self.identity.product)
        return for_broker(names, self.identity.version)

    @cached_property
    def protocol_capabilities(self) -> Mapping[str, object]:
        """What it advertises in connection.start."""
        endpoint = self.up().endpoint
        properties = probe.handshake(endpoint.host, endpoint.port, HANDSHAKE_TIMEOUT, endpoint.tls)
        capabilities = properties.get("capabilities")
        return capabilities if isinstance(capabilities, Mapping) else {}

    def up(self) -> Broker:
        """The broker, running. A start that failed once is not tried again for every test."""
        if self._refusal is not None:
            raise self._refusal
        try:
            if not self._started() or not self.broker.alive():
                self.broker.start()
        except BrokerError as error:
            self._refusal = error
            raise
        return self.broker

    def lost(self, *, doubtful: bool) -> str | None:
        """DIED or HUNG, or None if all is well; whether it still works is tried if `doubtful`.

        One that hangs is ended, for it would be the failure of every later test.
        """
        if not self._started() or self._refusal is not None:
            return None
        if not self.broker.alive():
            return DIED
        if not doubtful or self._works():
            return None
        if self._ends(DYING):
            return DIED
        with contextlib.suppress(Unsupported, BrokerError):
            self.broker.kill()
        return HUNG

    def log(self) -> str | None:
        """The end of the broker's log, if this kind has one."""
        try:
            return self.broker.log_tail() or None
        except (Unsupported, BrokerError):
            return None

    def close(self) -> None:
        """End the broker and remove what was made for it."""
        if self._broker is not None:
            self._broker.close()

    def _started(self) -> bool:
        try:
            self.broker.identity  # noqa: B018  raises before the first start
        except BrokerError:
            return False
        return True

    def _ends(self, within: float) -> bool:
        """Whether it is gone by then."""
        deadline = time.monotonic() + within
        while self.broker.alive():
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_INTERVAL)
        return True

    def _works(self) -> bool:
        """Whether it answers a queue.declare in any way: some still shake hands when they hang."""
        if not self.broker.amqp:
            return self.broker.ready(HEALTH_TIMEOUT)
        client = None
        try:
            client = RawClient(self.broker.endpoint, timeout=HEALTH_TIMEOUT)
            client.handshake().open_channel(1)
            client.send(1, "queue.declare", queue=f"mqproof.{uuid.uuid4().hex}", exclusive=True)
            client.read_method(1)
        except (Mismatch, OSError):
            return False
        finally:
            if client is not None:
                client.close()
        return True


STATION = pytest.StashKey[Station]()
