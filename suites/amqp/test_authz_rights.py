"""Each operation by users who have one right each: it takes just the rights that it should."""

from collections.abc import Mapping
from typing import Any

import pytest

from suites import verify
from suites.brokers.definitions import SINGLE_PATTERN, SINGLE_RIGHTS
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

pytestmark = pytest.mark.needs("users")

QUEUE, EXCHANGE, NEW = "(queue)", "(exchange)", "(new)"

CONFIGURE: Mapping[str, dict[str, Any]] = {
    "queue.declare": {"queue": NEW},
    "queue.delete": {"queue": QUEUE},
    "exchange.declare": {"exchange": NEW, "type": "fanout"},
    "exchange.delete": {"exchange": EXCHANGE},
}
WRITE: Mapping[str, dict[str, Any]] = {"basic.publish": {"exchange": EXCHANGE}}
READ: Mapping[str, dict[str, Any]] = {
    "basic.get": {"queue": QUEUE},
    "basic.consume": {"queue": QUEUE},
    "queue.purge": {"queue": QUEUE},
}
BOTH: Mapping[str, dict[str, Any]] = {
    "queue.bind": {"queue": QUEUE, "exchange": EXCHANGE},
    "queue.unbind": {"queue": QUEUE, "exchange": EXCHANGE},
    "exchange.bind": {"destination": EXCHANGE, "source": "amq.fanout"},
}
PASSIVE: Mapping[str, dict[str, Any]] = {
    "queue.declare": {"queue": QUEUE, "passive": True},
    "exchange.declare": {"exchange": EXCHANGE, "type": "fanout", "passive": True},
}


class Scene:
    """Queues and exchanges of guest's, in the middle of whose names the users' pattern stands."""

    def __init__(self, raw: RawClients, names: Names) -> None:
        self._raw = raw
        self._names = names
        self._prefix = f"x-{SINGLE_PATTERN}-"
        self._guest = raw()

    def allowed(self, method: str, arguments: Mapping[str, Any]) -> list[str]:
        """The rights of the users who are not refused with 403."""
        return [right for right in SINGLE_RIGHTS if self._may(right, method, arguments)]

    def _may(self, right: str, method: str, arguments: Mapping[str, Any]) -> bool:
        queue, exchange = (
            self._names(prefix=self._prefix),
            self._names("exchange", prefix=self._prefix),
        )
        self._guest.call(1, "queue.declare", queue=queue)
        self._guest.call(1, "exchange.declare", exchange=exchange, type="fanout")
        kind = "exchange" if "exchange" in arguments else "queue"
        made = {QUEUE: queue, EXCHANGE: exchange, NEW: self._names(kind, prefix=self._prefix)}
        filled = {name: made.get(str(value), value) for name, value in arguments.items()}
        user = self._raw(user=f"{right}-only", password=f"{right}-only")
        if method == "basic.publish":
            user.publish(1, filled["exchange"], "", b"")
            user.send(1, "basic.qos")  # of all that is answered, what takes no right
        else:
            user.send(1, method, **filled)
        answer = user.read_method(1)
        refused = answer.name == "channel.close"
        verify.equal(answer.arguments.get("reply_code", 403), 403, "reply code of a refusal")
        user.link.close()
        return not refused


@pytest.fixture
def scene(raw: RawClients, names: Names) -> Scene:
    """What the users are tried with."""
    return Scene(raw, names)


@pytest.mark.requirement("authz/configure-denied", "authz/acl-regex-anchoring")
@pytest.mark.parametrize("method", CONFIGURE)
def test_configure(scene: Scene, method: str) -> None:
    """Declaring and deleting take the right to configure; a pattern matches anywhere in a name."""
    verify.equal(scene.allowed(method, CONFIGURE[method]), ["configure"], "users allowed")


@pytest.mark.requirement("authz/write-denied", "authz/acl-regex-anchoring")
@pytest.mark.parametrize("method", WRITE)
def test_write(scene: Scene, method: str) -> None:
    """Publishing takes the right to write."""
    verify.equal(scene.allowed(method, WRITE[method]), ["write"], "users allowed")


@pytest.mark.requirement("authz/read-denied", "authz/purge-needs-read")
@pytest.mark.parametrize("method", READ)
def test_read(scene: Scene, method: str) -> None:
    """Getting, consuming and purging take the right to read."""
    verify.equal(scene.allowed(method, READ[method]), ["read"], "users allowed")


@pytest.mark.requirement("authz/bind-needs-both")
@pytest.mark.parametrize("method", BOTH)
def test_both(scene: Scene, method: str) -> None:
    """Binding takes two rights, so that none of these users may."""
    verify.equal(scene.allowed(method, BOTH[method]), [], "users allowed")


@pytest.mark.requirement("authz/passive-allowed")
@pytest.mark.parametrize("method", PASSIVE)
def test_passive(scene: Scene, method: str) -> None:
    """A passive declare takes no right."""
    verify.equal(scene.allowed(method, PASSIVE[method]), list(SINGLE_RIGHTS), "users allowed")
