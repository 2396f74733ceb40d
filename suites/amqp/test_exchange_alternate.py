"""RabbitMQ's internal exchanges and alternate exchanges."""

from typing import Any

import pytest

from suites import verify
from suites.amqp.steps import drain
from suites.amqp.topology import bound_queue, expect_no_exchange, new_exchange
from suites.clients.raw import RawClient
from suites.harness.names import Names

AE = "alternate-exchange"


def with_alternate(client: RawClient, names: Names, alternate: str) -> str:
    """A direct exchange that hands on what it cannot route."""
    return new_exchange(client, names, arguments={AE: alternate})


@pytest.mark.requirement("exchange/internal-publish")
def test_internal_publish(client: RawClient, names: Names) -> None:
    """Publishing to an internal exchange closes the channel with 403, and routes nothing."""
    exchange = new_exchange(client, names, "fanout", internal=True)
    queue = bound_queue(client, names, exchange)
    client.publish(1, exchange, "", b"refused")
    client.expect_channel_close(1, 403, method="basic.publish")
    client.open_channel(1)
    client.publish(1, "", queue, b"control")
    verify.equal(drain(client, queue), [b"control"], "arrived")


@pytest.mark.needs("exchange_exchange_bindings")
@pytest.mark.requirement("exchange/internal-via-e2e")
def test_internal_via_e2e(client: RawClient, names: Names) -> None:
    """A message reaches an internal exchange through a binding to another exchange."""
    source = new_exchange(client, names, "fanout")
    exchange = new_exchange(client, names, "fanout", internal=True)
    client.call(1, "exchange.bind", source=source, destination=exchange)
    queue = bound_queue(client, names, exchange)
    client.publish(1, source, "", b"through")
    verify.equal(drain(client, queue), [b"through"], "arrived")


@pytest.mark.requirement("exchange/ae-unrouted")
def test_ae_unrouted(client: RawClient, names: Names) -> None:
    """What an exchange cannot route goes to its alternate, and only that."""
    alternate = new_exchange(client, names, "fanout")
    exchange = with_alternate(client, names, alternate)
    routed = bound_queue(client, names, exchange, "known")
    unrouted = bound_queue(client, names, alternate)
    client.publish(1, exchange, "known", b"known")
    client.publish(1, exchange, "unknown", b"unknown")
    verify.equal(drain(client, routed), [b"known"], "routed")
    verify.equal(drain(client, unrouted), [b"unknown"], "at the alternate")


@pytest.mark.requirement("exchange/ae-mandatory-not-returned")
def test_ae_mandatory_not_returned(client: RawClient, names: Names) -> None:
    """A mandatory message that the alternate routes is not returned; one it cannot route is."""
    alternate = new_exchange(client, names)
    exchange = with_alternate(client, names, alternate)
    queue = bound_queue(client, names, alternate, "saved")
    client.publish(1, exchange, "saved", b"saved", mandatory=True)
    client.publish(1, exchange, "lost", b"lost", mandatory=True)
    client.expect_content(1, "basic.return", b"lost")
    verify.equal(drain(client, queue), [b"saved"], "at the alternate")
    client.expect_quiet(1)


@pytest.mark.requirement("exchange/ae-chain")
def test_ae_chain(client: RawClient, names: Names) -> None:
    """The alternate of an alternate takes what neither before it can route."""
    last = new_exchange(client, names, "fanout")
    middle = with_alternate(client, names, last)
    exchange = with_alternate(client, names, middle)
    queue = bound_queue(client, names, last)
    client.publish(1, exchange, "unknown", b"far")
    verify.equal(drain(client, queue), [b"far"], "at the end of the chain")


@pytest.mark.requirement("exchange/ae-cycle")
def test_ae_cycle(client: RawClient, names: Names) -> None:
    """Alternates that form a cycle end nowhere: a mandatory message comes back, once."""
    first = names("exchange")
    second = with_alternate(client, names, first)
    client.call(1, "exchange.declare", exchange=first, type="direct", arguments={AE: second})
    client.publish(1, first, "unknown", b"round", mandatory=True)
    client.expect_content(1, "basic.return", b"round")
    client.expect_nothing(1)


@pytest.mark.requirement("exchange/ae-missing")
def test_ae_missing(client: RawClient, names: Names) -> None:
    """An alternate need not exist: what would go there is dropped, and the channel goes on."""
    missing = names("exchange")
    exchange = with_alternate(client, names, missing)
    expect_no_exchange(client, missing)
    client.publish(1, exchange, "unknown", b"dropped")
    client.publish(1, exchange, "unknown", b"returned", mandatory=True)
    client.expect_content(1, "basic.return", b"returned")
    client.expect_nothing(1)


@pytest.mark.requirement("exchange/ae-bad-type")
def test_ae_bad_type(client: RawClient, names: Names) -> None:
    """An alternate-exchange that is a number closes the channel with 406."""
    expect_bad_alternate(client, names("exchange"), 1)


@pytest.mark.requirement("exchange/invalid-args-type")
@pytest.mark.parametrize(
    "value", [True, None, {"name": "amq.fanout"}, ["amq.fanout"]], ids=lambda v: type(v).__name__
)
def test_invalid_args_type(client: RawClient, names: Names, value: Any) -> None:
    """An argument that the broker knows, with a value of no use, closes the channel with 406."""
    expect_bad_alternate(client, names("exchange"), value)


def expect_bad_alternate(client: RawClient, exchange: str, value: Any) -> None:
    """A declaration with this alternate is refused with 406, and makes no exchange."""
    client.send(1, "exchange.declare", exchange=exchange, type="direct", arguments={AE: value})
    client.expect_channel_close(1, 406, method="exchange.declare")
    client.open_channel(1)
    expect_no_exchange(client, exchange)


@pytest.mark.requirement("exchange/ae-original-exchange-kept")
def test_ae_original_exchange_kept(client: RawClient, names: Names) -> None:
    """A message that went through an alternate shows the exchange and key it was published with."""
    alternate = new_exchange(client, names, "fanout")
    exchange = with_alternate(client, names, alternate)
    queue = bound_queue(client, names, alternate)
    client.consume(1, queue, no_ack=True)
    client.publish(1, exchange, "my.key", b"marked")
    delivery = client.expect_content(1, "basic.deliver", b"marked")
    verify.equal((delivery["exchange"], delivery["routing_key"]), (exchange, "my.key"), "origin")
