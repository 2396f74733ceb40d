"""exchange.declare: types, names, passive declaration."""

from collections.abc import Callable

import pytest

from suites import verify
from suites.amqp.steps import drain
from suites.amqp.topology import (
    bind,
    expect_exchange,
    expect_no_exchange,
    new_exchange,
    own_queue,
)
from suites.brokers.definitions import OTHER_VHOST
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

LEAST_EXCHANGES = 16
PREDECLARED = {
    "amq.direct": "direct",
    "amq.fanout": "fanout",
    "amq.topic": "topic",
    "amq.match": "headers",
    "amq.headers": "headers",
}


@pytest.mark.requirement("exchange/declare-required-types")
@pytest.mark.parametrize("kind", ["direct", "fanout"])
def test_required_types(client: RawClient, names: Names, kind: str) -> None:
    """Exchanges of the types direct and fanout can be declared."""
    expect_exchange(client, new_exchange(client, names, kind))


@pytest.mark.requirement("exchange/declare-recommended-types")
@pytest.mark.parametrize("kind", ["topic", "headers"])
def test_recommended_types(client: RawClient, names: Names, kind: str) -> None:
    """Exchanges of the types topic and headers can be declared."""
    expect_exchange(client, new_exchange(client, names, kind))


@pytest.mark.requirement("exchange/predeclared")
@pytest.mark.parametrize("exchange", PREDECLARED)
def test_predeclared(client: RawClient, exchange: str) -> None:
    """Each vhost has the amq. exchanges of the standard types from the start."""
    client.call(1, "exchange.declare", exchange=exchange, type=PREDECLARED[exchange], passive=True)


@pytest.mark.requirement("exchange/predeclared-durable")
@pytest.mark.parametrize("exchange", PREDECLARED)
def test_predeclared_durable(client: RawClient, exchange: str) -> None:
    """The amq. exchanges are durable: a transient declaration of one is inequivalent."""
    kind = PREDECLARED[exchange]
    client.call(1, "exchange.declare", exchange=exchange, type=kind, durable=True)
    client.send(1, "exchange.declare", exchange=exchange, type=kind, durable=False)
    client.expect_channel_close(1, 406, method="exchange.declare")


@pytest.mark.requirement("exchange/unknown-type")
def test_unknown_type(client: RawClient, names: Names, raw: RawClients) -> None:
    """Declaring a type that the broker does not know closes the connection with 503."""
    expect_unknown_type(client, names("exchange"), "mqproof-no-such-type", raw)


@pytest.mark.requirement("exchange/unknown-x-type")
def test_unknown_x_type(client: RawClient, names: Names, raw: RawClients) -> None:
    """An extension type that is not offered is as unknown as any other."""
    expect_unknown_type(client, names("exchange"), "x-mqproof-no-such-type", raw)


def expect_unknown_type(client: RawClient, exchange: str, kind: str, raw: RawClients) -> None:
    """The type is refused with 503 on the connection, and no exchange is made."""
    client.send(1, "exchange.declare", exchange=exchange, type=kind)
    closed = client.expect(1, "connection.close")  # read on channel 1 to see a channel.close too
    verify.equal(closed["reply_code"], 503, "reply code")
    client.answer_close(closed)
    expect_no_exchange(raw(), exchange)


@pytest.mark.requirement("exchange/empty-name")
def test_empty_name(client: RawClient, names: Names) -> None:
    """No exchange can be declared without a name: that one is the default exchange."""
    client.send(1, "exchange.declare", exchange="", type="direct", durable=True)
    client.expect_channel_close(1, 403, 406, method="exchange.declare")
    client.open_channel(1)
    new_exchange(client, names)


@pytest.mark.requirement("exchange/empty-name-passive")
def test_empty_name_passive(client: RawClient, observe: Callable[[str], None]) -> None:
    """Asking for the default exchange is refused with 403, or answered; nothing else happens."""
    client.send(1, "exchange.declare", exchange="", type="direct", passive=True)
    try:
        observe(str(client.expect(1, "exchange.declare-ok")))
    except verify.Mismatch as other:
        verify.equal(other.actual, "channel.close 403", "the answer that is no Declare-Ok")
        client.send(1, "channel.close-ok")
        client.open_channel(1)
        observe(other.actual)
    client.sync(1)


@pytest.mark.requirement("exchange/reserved-name")
def test_reserved_name(client: RawClient, names: Names) -> None:
    """A new exchange whose name begins with amq. is refused with 403."""
    reserved = names("exchange", prefix="amq.")
    client.send(1, "exchange.declare", exchange=reserved, type="direct")
    client.expect_channel_close(1, 403, method="exchange.declare")
    client.open_channel(1)
    expect_no_exchange(client, reserved)
    control = names("exchange", prefix="amqp.")
    client.call(1, "exchange.declare", exchange=control, type="direct")


@pytest.mark.requirement("exchange/illegal-name")
def test_illegal_name(client: RawClient, names: Names) -> None:
    """A name outside letters, digits, hyphen, underscore, period and colon is refused with 406."""
    client.call(1, "exchange.declare", exchange=names("exchange", prefix="a-B_9.:"), type="direct")
    illegal = names("exchange", prefix="not legal/#")
    client.send(1, "exchange.declare", exchange=illegal, type="direct")
    client.expect_channel_close(1, 406, method="exchange.declare")


@pytest.mark.requirement("exchange/name-crlf-stripped")
def test_name_crlf_stripped(client: RawClient, names: Names) -> None:
    """Line breaks in an exchange's name are removed."""
    exchange = names("exchange")
    broken = f"{exchange[:5]}\r\n{exchange[5:]}\n"
    client.call(1, "exchange.declare", exchange=broken, type="direct")
    expect_exchange(client, exchange)


@pytest.mark.requirement("exchange/name-too-long")
def test_name_too_long(client: RawClient, names: Names, observe: Callable[[str], None]) -> None:
    """A name longer than 127 octets is refused with 406, or its exchange is there and usable."""
    exchange = names.adopt("exchange", f"{names('exchange')}.{'x' * 255}"[:255])
    client.send(1, "exchange.declare", exchange=exchange, type="direct")
    try:
        client.expect(1, "exchange.declare-ok")
    except verify.Mismatch as other:
        verify.equal(other.actual, "channel.close 406", "the answer that is no Declare-Ok")
        observe("255 octets: channel.close 406")
        return
    expect_exchange(client, exchange)
    expect_no_exchange(client, exchange[:127])
    observe("255 octets: exchange.declare-ok")


@pytest.mark.requirement("exchange/passive-missing")
def test_passive_missing(client: RawClient, names: Names) -> None:
    """Declaring a missing exchange passively closes the channel with 404 and creates nothing."""
    missing = names("exchange")
    expect_no_exchange(client, missing)
    expect_no_exchange(client, missing)


@pytest.mark.requirement("exchange/passive-exists")
def test_passive_exists(client: RawClient, names: Names) -> None:
    """Declaring an existing exchange passively succeeds and changes nothing."""
    exchange = new_exchange(client, names, "fanout")
    client.call(1, "exchange.declare", exchange=exchange, type="fanout", passive=True, durable=True)
    client.call(1, "exchange.declare", exchange=exchange, type="fanout", durable=False)


@pytest.mark.requirement("exchange/passive-other-type")
@pytest.mark.parametrize("kind", ["topic", "", "mqproof-no-such-type"])
def test_passive_other_type(client: RawClient, names: Names, kind: str) -> None:
    """A passive declaration looks at the name alone, not at the type."""
    exchange = new_exchange(client, names, "direct")
    client.call(1, "exchange.declare", exchange=exchange, type=kind, passive=True)


@pytest.mark.requirement("exchange/passive-nowait-missing")
def test_passive_nowait_missing(client: RawClient, names: Names) -> None:
    """A passive declaration with no-wait still closes the channel with 404."""
    exchange = new_exchange(client, names)
    client.send(1, "exchange.declare", exchange=exchange, passive=True, no_wait=True)
    client.expect_nothing(1)
    client.send(1, "exchange.declare", exchange=names("exchange"), passive=True, no_wait=True)
    client.expect_channel_close(1, 404, method="exchange.declare")


@pytest.mark.requirement("exchange/durable-and-transient")
@pytest.mark.parametrize("durable", [True, False])
def test_durable_and_transient(client: RawClient, names: Names, durable: bool) -> None:
    """Durable and transient exchanges can both be declared."""
    exchange = new_exchange(client, names, durable=durable)
    client.call(1, "exchange.declare", exchange=exchange, type="direct", durable=durable)


@pytest.mark.requirement("exchange/no-wait-declare")
def test_no_wait_declare(client: RawClient, names: Names) -> None:
    """A declaration with no-wait has no reply, and its exchange can be used at once."""
    exchange, queue = names("exchange"), own_queue(client, names)
    client.send(1, "exchange.declare", exchange=exchange, type="fanout", no_wait=True)
    client.expect_nothing(1)
    bind(client, queue, exchange)
    client.publish(1, exchange, "", b"routed")
    verify.equal(drain(client, queue), [b"routed"], "arrived")


@pytest.mark.requirement("exchange/minimum-count")
def test_minimum_count(client: RawClient, names: Names) -> None:
    """A vhost has room for 16 exchanges."""
    made = [new_exchange(client, names, "direct") for _ in range(LEAST_EXCHANGES)]
    for exchange in made:
        expect_exchange(client, exchange)


@pytest.mark.needs("vhosts")
@pytest.mark.requirement("exchange/vhost-scoped")
def test_vhost_scoped(client: RawClient, raw: RawClients, names: Names) -> None:
    """An exchange of one vhost is not there in another."""
    exchange = new_exchange(client, names)
    expect_no_exchange(raw(vhost=OTHER_VHOST), exchange)
    expect_exchange(client, exchange)
