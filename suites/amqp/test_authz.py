"""Permissions: what a user may configure, write and read; what is refused is refused with 403.

The user `limited` may use only what has a name that begins with `limited-`.
"""

from typing import Any

import pytest

from suites import verify
from suites.amqp.steps import drain, fill, new_queue, stocked_queue
from suites.brokers import definitions
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

pytestmark = pytest.mark.needs("users")

OWN = "limited-"


def limited_client(raw: RawClients) -> RawClient:
    """A client of the user whose permissions are limited, with channel 1 open."""
    return raw(user=definitions.LIMITED_USER, password=definitions.LIMITED_PASSWORD)


def own_queue(limited: RawClient, names: Names) -> str:
    """A queue that the limited user may use in every way."""
    queue = names(prefix=OWN)
    limited.call(1, "queue.declare", queue=queue)
    return queue


def new_exchange(client: RawClient, names: Names, prefix: str = "") -> str:
    """A fanout exchange."""
    exchange = names("exchange", prefix=prefix)
    client.call(1, "exchange.declare", exchange=exchange, type="fanout")
    return exchange


def expect_refused(limited: RawClient, method: str, **arguments: Any) -> None:
    """The method closes the channel with 403, and the channel can be opened again."""
    limited.send(1, method, **arguments)
    limited.expect_channel_close(1, 403, method=method)
    limited.open_channel(1)


@pytest.mark.requirement("authz/configure-denied")
def test_configure_queue(raw: RawClients, client: RawClient, names: Names) -> None:
    """Declaring and deleting a queue need the right to configure it."""
    limited = limited_client(raw)
    expect_refused(limited, "queue.declare", queue=names())
    expect_refused(limited, "queue.delete", queue=new_queue(client, names))
    limited.call(1, "queue.delete", queue=own_queue(limited, names))


@pytest.mark.requirement("authz/configure-denied")
def test_configure_exchange(raw: RawClients, client: RawClient, names: Names) -> None:
    """Declaring and deleting an exchange need the right to configure it."""
    limited = limited_client(raw)
    expect_refused(limited, "exchange.declare", exchange=names("exchange"), type="fanout")
    expect_refused(limited, "exchange.delete", exchange=new_exchange(client, names))
    limited.call(1, "exchange.delete", exchange=new_exchange(limited, names, OWN))


@pytest.mark.requirement("authz/write-denied")
def test_write(raw: RawClients, client: RawClient, names: Names) -> None:
    """Publishing needs the right to write to the exchange."""
    limited = limited_client(raw)
    foreign, own = new_exchange(client, names), new_exchange(limited, names, OWN)
    queue = own_queue(limited, names)
    limited.call(1, "queue.bind", queue=queue, exchange=own)
    limited.publish(1, own, "", b"allowed")
    verify.equal(limited.call(1, "basic.get", queue=queue).name, "basic.get-ok", "control")
    limited.publish(1, foreign, "", b"refused")
    limited.expect_channel_close(1, 403, method="basic.publish")


@pytest.mark.requirement("authz/read-denied")
@pytest.mark.parametrize("method", ["basic.get", "basic.consume"])
def test_read(raw: RawClients, client: RawClient, names: Names, method: str) -> None:
    """Getting and consuming need the right to read the queue."""
    limited = limited_client(raw)
    queue = stocked_queue(client, names, b"secret")
    limited.send(1, method, queue=own_queue(limited, names))
    limited.expect(1, "basic.get-empty", "basic.consume-ok")
    expect_refused(limited, method, queue=queue)


@pytest.mark.requirement("authz/bind-needs-both")
def test_bind(raw: RawClients, client: RawClient, names: Names) -> None:
    """A queue binding needs the right to write to the queue and to read the exchange."""
    limited = limited_client(raw)
    queue, exchange = own_queue(limited, names), new_exchange(limited, names, OWN)
    limited.call(1, "queue.bind", queue=queue, exchange=exchange)
    expect_refused(limited, "queue.bind", queue=queue, exchange=new_exchange(client, names))
    expect_refused(limited, "queue.bind", queue=new_queue(client, names), exchange=exchange)


@pytest.mark.needs("exchange_exchange_bindings")
@pytest.mark.requirement("authz/e2e-bind-needs-both")
def test_exchange_bind(raw: RawClients, client: RawClient, names: Names) -> None:
    """An exchange binding needs the right to write to its destination and to read its source."""
    limited = limited_client(raw)
    own, other = new_exchange(limited, names, OWN), new_exchange(limited, names, OWN)
    foreign = new_exchange(client, names)
    limited.call(1, "exchange.bind", destination=own, source=other)
    expect_refused(limited, "exchange.bind", destination=own, source=foreign)
    expect_refused(limited, "exchange.bind", destination=foreign, source=own)


@pytest.mark.requirement("authz/purge-needs-read")
def test_purge(raw: RawClients, client: RawClient, names: Names) -> None:
    """Purging needs the right to read the queue."""
    limited = limited_client(raw)
    queue = stocked_queue(client, names, b"kept")
    limited.call(1, "queue.purge", queue=own_queue(limited, names))
    expect_refused(limited, "queue.purge", queue=queue)
    verify.equal(drain(client, queue), [b"kept"], "queue")


@pytest.mark.requirement("authz/passive-allowed")
def test_passive(raw: RawClients, client: RawClient, names: Names) -> None:
    """A passive declare, which changes nothing, needs no right."""
    limited = limited_client(raw)
    limited.call(1, "queue.declare", queue=new_queue(client, names), passive=True)
    exchange = new_exchange(client, names)
    limited.call(1, "exchange.declare", exchange=exchange, type="fanout", passive=True)


@pytest.mark.requirement("authz/server-named-checked")
def test_server_named(raw: RawClients) -> None:
    """The name that the broker makes for a queue is subject to the right to configure, too."""
    limited = limited_client(raw)
    expect_refused(limited, "queue.declare", queue="", exclusive=True)


@pytest.mark.requirement("authz/default-exchange-write")
def test_default_exchange(raw: RawClients, client: RawClient, names: Names) -> None:
    """Publishing to the default exchange needs the right to write to it, not only to the queue."""
    limited = limited_client(raw)
    queue = own_queue(limited, names)
    fill(client, queue, [b"allowed"])
    verify.equal(drain(client, queue), [b"allowed"], "queue")
    fill(limited, queue, [b"refused"])
    limited.expect_channel_close(1, 403, method="basic.publish")


@pytest.mark.requirement("authz/ae-needs-rights")
def test_alternate_exchange(raw: RawClients, names: Names) -> None:
    """Naming an alternate exchange needs rights on that one as well."""
    limited = limited_client(raw)
    own, foreign = ({"alternate-exchange": name} for name in (OWN + "other", "amq.fanout"))
    exchanges = [names("exchange", prefix=OWN) for _ in range(2)]
    limited.call(1, "exchange.declare", exchange=exchanges[0], type="fanout", arguments=own)
    expect_refused(
        limited, "exchange.declare", exchange=exchanges[1], type="fanout", arguments=foreign
    )


@pytest.mark.requirement("authz/acl-regex-anchoring")
def test_anchored(raw: RawClients, names: Names) -> None:
    """A pattern that begins with ^ matches only at the beginning of a name."""
    limited = limited_client(raw)
    limited.call(1, "queue.declare", queue=names(prefix=OWN))
    expect_refused(limited, "queue.declare", queue=names(prefix="not-" + OWN))


@pytest.mark.needs("vhosts")
@pytest.mark.requirement("authz/no-access-vhost")
def test_closed_vhost(raw: RawClients) -> None:
    """Opening a vhost on which the user has no right at all is refused with 530."""
    raw(vhost=definitions.OTHER_VHOST).sync(1)  # the control: a vhost with rights is opened
    client = raw.connect()
    client.start()
    client.start_ok()
    client.tune_ok()
    client.send(0, "connection.open", virtual_host=definitions.CLOSED_VHOST)
    client.expect_connection_close(530, method="connection.open")
