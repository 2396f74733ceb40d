"""basic.publish: where a message goes, what comes back, what is refused."""

from collections.abc import Callable
from typing import Any

import pytest

from suites import verify
from suites.amqp.steps import drain, fill, new_queue
from suites.clients.raw import RawClient
from suites.clients.received import Delivery
from suites.harness.names import Names


def expect_return(client: RawClient, code: int, exchange: str, key: str, body: bytes) -> Delivery:
    """The next method is basic.return with this code, for this message."""
    returned = client.expect_content(1, "basic.return", body)
    came = (returned["reply_code"], returned["exchange"], returned["routing_key"])
    verify.equal(came, (code, exchange, key), "reply code, exchange and routing key")
    return returned


@pytest.mark.requirement("publish/missing-exchange")
def test_missing_exchange(client: RawClient, names: Names) -> None:
    """Publishing to an exchange that does not exist closes the channel with 404."""
    client.publish(1, names("exchange"), "key", b"lost")
    client.expect_channel_close(1, 404, method="basic.publish")


@pytest.mark.requirement("publish/missing-exchange-discards-rest")
def test_missing_exchange_discards_rest(client: RawClient, names: Names) -> None:
    """What follows a publish that fails, on the same channel, is dropped."""
    queue = new_queue(client, names)
    client.publish(1, names("exchange"), "key", b"fails")
    fill(client, queue, [b"follows"])
    client.expect_channel_close(1, 404)
    client.open_channel(1)
    fill(client, queue, [b"after the close"])
    verify.equal(drain(client, queue), [b"after the close"], "queue")


@pytest.mark.requirement("publish/default-exchange")
def test_default_exchange(client: RawClient, names: Names) -> None:
    """The exchange with the empty name routes to the queue that the routing key names."""
    queue, other = new_queue(client, names), new_queue(client, names)
    client.publish(1, "", queue, b"for the first")
    verify.equal(drain(client, queue), [b"for the first"], "queue named by the key")
    verify.equal(drain(client, other), [], "other queue")


@pytest.mark.requirement("publish/unroutable-dropped")
def test_unroutable_dropped(client: RawClient, names: Names) -> None:
    """A message without a queue to go to is dropped in silence if it is not mandatory."""
    client.publish(1, "", names(), b"dropped")
    client.expect_nothing(1)


@pytest.mark.requirement("publish/mandatory-returned")
def test_mandatory_returned(client: RawClient, names: Names) -> None:
    """A mandatory message without a queue to go to comes back whole, with code 312."""
    key, headers = names(), {"number": 7}
    client.publish(1, "amq.direct", key, b"come back", mandatory=True, headers=headers, type="t")
    returned = expect_return(client, 312, "amq.direct", key, b"come back")
    verify.equal(returned.properties, {"headers": headers, "type": "t"}, "properties")


@pytest.mark.requirement("publish/mandatory-routed")
def test_mandatory_routed(client: RawClient, names: Names) -> None:
    """A mandatory message that reaches a queue, or several, does not come back."""
    queues, nowhere = [new_queue(client, names) for _ in range(2)], names()
    for queue in queues:
        client.call(1, "queue.bind", queue=queue, exchange="amq.direct", routing_key=nowhere)
    client.publish(1, "", queues[0], b"routed", mandatory=True)
    client.publish(1, "amq.direct", nowhere, b"to both", mandatory=True)
    client.publish(1, "", nowhere, b"unroutable", mandatory=True)
    expect_return(client, 312, "", nowhere, b"unroutable")
    verify.equal(drain(client, queues[0]), [b"routed", b"to both"], "queue")
    verify.equal(drain(client, queues[1]), [b"to both"], "other queue")


@pytest.mark.requirement("publish/immediate")
def test_immediate(client: RawClient, names: Names) -> None:
    """An immediate message that no consumer waits for comes back with 313 and is not queued."""
    queue = new_queue(client, names)
    client.publish(1, "", queue, b"now", immediate=True)
    expect_return(client, 313, "", queue, b"now")
    verify.equal(drain(client, queue), [], "queue")


@pytest.mark.requirement("publish/key-255")
def test_key_255(client: RawClient, names: Names) -> None:
    """A routing key of 255 octets, the longest there is, is routed by its last octet too."""
    queue, other = new_queue(client, names), new_queue(client, names)
    key, almost = "k" * 255, "k" * 254 + "j"
    for bound, binding in ((queue, key), (other, almost)):
        client.call(1, "queue.bind", queue=bound, exchange="amq.direct", routing_key=binding)
    client.publish(1, "amq.direct", key, b"long way")
    verify.equal(drain(client, queue), [b"long way"], "queue bound with that key")
    verify.equal(drain(client, other), [], "queue bound with another key")


@pytest.mark.requirement("publish/key-256")
def test_key_256(client: RawClient) -> None:
    """A routing key with an octet more than its length says makes the method malformed: 501."""
    method = b"\x00\x3c\x00\x28" + b"\x00\x00" + b"\x00" + b"\xff" + b"k" * 256 + b"\x00"
    client.send_frame(1, 1, method)
    client.expect_connection_close(501, 502)


@pytest.mark.requirement("publish/deliver-fields")
def test_deliver_fields(client: RawClient, names: Names) -> None:
    """Deliver and get-ok name the exchange and the routing key of the publish."""
    queue, exchange = new_queue(client, names), names("exchange")
    client.call(1, "exchange.declare", exchange=exchange, type="fanout")
    client.call(1, "queue.bind", queue=queue, exchange=exchange)
    client.publish(1, exchange, "a.key", b"got")
    got = client.get(1, queue)
    client.consume(1, queue, no_ack=True)
    client.publish(1, exchange, "b.key", b"delivered")
    delivered = client.expect_content(1, "basic.deliver", b"delivered")
    seen = [(one["exchange"], one["routing_key"]) for one in (got, delivered) if one is not None]
    verify.equal(seen, [(exchange, "a.key"), (exchange, "b.key")], "exchange and key")


@pytest.mark.requirement("publish/delivery-mode-odd")
def test_delivery_mode_odd(client: RawClient, names: Names, observe: Callable[[str], None]) -> None:
    """A delivery-mode that is neither 1 nor 2 is refused with 406, or taken."""
    queue = new_queue(client, names)
    client.publish(1, "", queue, b"mode 7", delivery_mode=7)
    client.send(1, "basic.get", queue=queue, no_ack=True)
    answer = client.read_method(1)
    if isinstance(answer, Delivery):
        verify.equal(answer.body, b"mode 7", "body")
        observe(f"delivered with delivery-mode {answer.properties.get('delivery_mode')}")
        return
    verify.equal(str(answer), "channel.close 406", "answer")
    observe("refused with 406")


@pytest.mark.requirement("publish/expiration-invalid")
def test_expiration_invalid(client: RawClient, names: Names) -> None:
    """An expiration that is no number of milliseconds closes the channel with 406."""
    queue = new_queue(client, names)
    client.publish(1, "", queue, b"in time", expiration="60000")
    client.publish(1, "", queue, b"soon", expiration="soon")
    client.expect_channel_close(1, 406, method="basic.publish")
    client.open_channel(1)
    verify.equal(drain(client, queue), [b"in time"], "queue")


@pytest.mark.requirement("publish/user-id-match")
def test_user_id_match(client: RawClient, names: Names) -> None:
    """A user-id that is the login's is accepted and delivered."""
    queue = new_queue(client, names)
    client.publish(1, "", queue, b"signed", user_id=client.endpoint.user)
    got = client.get(1, queue)
    signed = None if got is None else got.properties.get("user_id")
    verify.equal(signed, client.endpoint.user, "user-id")


@pytest.mark.requirement("publish/user-id-mismatch")
def test_user_id_mismatch(client: RawClient, names: Names) -> None:
    """A user-id of someone else closes the channel with 406."""
    client.publish(1, "", new_queue(client, names), b"forged", user_id="someone-else")
    client.expect_channel_close(1, 406, method="basic.publish")


@pytest.mark.requirement("publish/all-properties")
def test_all_properties(client: RawClient, names: Names) -> None:
    """All fourteen properties are delivered as they were published."""
    properties = {
        "content_type": "text/plain",
        "content_encoding": "utf-8",
        "headers": {"h": "v"},
        "delivery_mode": 2,
        "priority": 3,
        "correlation_id": "correlation",
        "reply_to": "reply",
        "expiration": "600000",
        "message_id": "message",
        "timestamp": 1_700_000_000,
        "type": "type",
        "user_id": client.endpoint.user,
        "app_id": "app",
        "cluster_id": "cluster",
    }
    verify.equal(returned_properties(client, names, **properties), properties, "properties")


@pytest.mark.requirement("publish/no-properties")
def test_no_properties(client: RawClient, names: Names) -> None:
    """A message without properties is delivered without any."""
    verify.equal(returned_properties(client, names), {}, "properties")


@pytest.mark.requirement("publish/empty-string-properties")
def test_empty_string_properties(client: RawClient, names: Names) -> None:
    """A property that is present and empty is delivered present and empty."""
    properties = {"content_type": "", "message_id": "", "headers": {}}
    verify.equal(returned_properties(client, names, **properties), properties, "properties")


@pytest.mark.requirement("publish/header-only-changes")
def test_header_untouched(client: RawClient, names: Names) -> None:
    """The broker adds nothing unasked to the headers and changes nothing in them."""
    headers = {
        "text": "naïve",
        "empty": "",
        "number": -5,
        "large": 2**40,
        "yes": True,
        "nothing": None,
        "real": 0.5,
        "table": {"inner": [1, "two", {"three": 3}]},
    }
    delivered = returned_properties(client, names, headers=headers)
    verify.equal(delivered, {"headers": headers}, "properties")


def returned_properties(client: RawClient, names: Names, **properties: Any) -> dict[str, Any]:
    """The properties that a message published with these is delivered with."""
    queue = new_queue(client, names)
    client.publish(1, "", queue, b"body", **properties)
    client.consume(1, queue, no_ack=True)
    return client.expect_content(1, "basic.deliver", b"body").properties
