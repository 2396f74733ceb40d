"""exchange.declare of an exchange that is there: equivalence."""

from typing import Any

import pytest

from suites.amqp.topology import expect_exchange, new_exchange
from suites.clients.raw import RawClient
from suites.harness.names import Names


def expect_inequivalent(client: RawClient, exchange: str, **declaration: Any) -> None:
    """This declaration is refused with 406 and the exchange stays as it was: a direct one."""
    client.send(1, "exchange.declare", exchange=exchange, **{"type": "direct"} | declaration)
    client.expect_channel_close(1, 406, method="exchange.declare")
    client.open_channel(1)
    expect_exchange(client, exchange)


@pytest.mark.requirement("exchange/redeclare-same")
@pytest.mark.parametrize("kind", ["direct", "fanout", "topic", "headers"])
@pytest.mark.parametrize("flag", ["durable", "auto_delete", "internal"])
def test_redeclare_same(client: RawClient, names: Names, kind: str, flag: str) -> None:
    """Declaring an exchange again exactly as it is succeeds."""
    flags: dict[str, Any] = {flag: True}
    exchange = new_exchange(client, names, kind, **flags)
    client.call(1, "exchange.declare", exchange=exchange, type=kind, **flags)


@pytest.mark.requirement("exchange/reserved-redeclare-same")
def test_reserved_redeclare_same(client: RawClient) -> None:
    """A reserved name may be declared if its exchange is there and is so."""
    client.call(1, "exchange.declare", exchange="amq.direct", type="direct", durable=True)


@pytest.mark.requirement("exchange/reserved-other-type")
def test_reserved_other_type(client: RawClient) -> None:
    """amq.direct cannot be declared with another type, and stays."""
    client.send(1, "exchange.declare", exchange="amq.direct", type="fanout", durable=True)
    client.expect_channel_close(1, 403, 406, method="exchange.declare")
    client.open_channel(1)
    client.call(1, "exchange.declare", exchange="amq.direct", type="direct", durable=True)


@pytest.mark.requirement("exchange/redeclare-type")
@pytest.mark.parametrize("kind", ["fanout", "topic", "headers"])
def test_redeclare_type(client: RawClient, names: Names, kind: str) -> None:
    """Declaring an exchange again with another type closes the channel with 406."""
    exchange = new_exchange(client, names)
    expect_inequivalent(client, exchange, type=kind)
    client.call(1, "exchange.declare", exchange=exchange, type="direct")


@pytest.mark.requirement("exchange/redeclare-durable")
@pytest.mark.parametrize("durable", [True, False])
def test_redeclare_durable(client: RawClient, names: Names, durable: bool) -> None:
    """Declaring an exchange again with another durability closes the channel with 406."""
    exchange = new_exchange(client, names, durable=durable)
    expect_inequivalent(client, exchange, durable=not durable)
    client.call(1, "exchange.declare", exchange=exchange, type="direct", durable=durable)


@pytest.mark.requirement("exchange/redeclare-autodelete")
@pytest.mark.parametrize("auto_delete", [True, False])
def test_redeclare_autodelete(client: RawClient, names: Names, auto_delete: bool) -> None:
    """The auto-delete bit of an exchange that is there already is ignored."""
    exchange = new_exchange(client, names, auto_delete=auto_delete)
    again: dict[str, Any] = {"exchange": exchange, "auto_delete": not auto_delete}
    client.call(1, "exchange.declare", type="direct", **again)


@pytest.mark.requirement("exchange/redeclare-internal")
@pytest.mark.parametrize("internal", [True, False])
def test_redeclare_internal(client: RawClient, names: Names, internal: bool) -> None:
    """Declaring an exchange again with another internal bit closes the channel with 406."""
    exchange = new_exchange(client, names, internal=internal)
    expect_inequivalent(client, exchange, internal=not internal)


@pytest.mark.requirement("exchange/redeclare-args")
def test_redeclare_args(client: RawClient, names: Names) -> None:
    """Declaring an exchange again with another set of arguments closes the channel with 406."""
    arguments = {"x-mqproof": 1}
    exchange = new_exchange(client, names, arguments=arguments)
    client.call(1, "exchange.declare", exchange=exchange, type="direct", arguments=arguments)
    expect_inequivalent(client, exchange, arguments={"x-mqproof": 2})


@pytest.mark.requirement("exchange/redeclare-ae")
@pytest.mark.parametrize("other", ["amq.direct", None])
def test_redeclare_ae(client: RawClient, names: Names, other: str | None) -> None:
    """Declaring an exchange again with another alternate closes the channel with 406."""
    arguments = {"alternate-exchange": "amq.fanout"}
    exchange = new_exchange(client, names, arguments=arguments)
    client.call(1, "exchange.declare", exchange=exchange, type="direct", arguments=arguments)
    changed = {} if other is None else {"alternate-exchange": other}
    expect_inequivalent(client, exchange, arguments=changed)
