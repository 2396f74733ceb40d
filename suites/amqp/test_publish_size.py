"""How large a message may be."""

import pytest

from suites import verify
from suites.amqp.limited import MAX_MESSAGE_SIZE, limited
from suites.amqp.steps import drain, new_queue
from suites.amqp.topology import own_queue
from suites.clients.raw import RawClient
from suites.clients.received import Delivery
from suites.harness.fixtures import RawClients
from suites.harness.names import Names
from suites.harness.variants import ClientsOf

LARGE = 64 * 1024 * 1024  # octets
PATIENCE = 60.0  # seconds for as many octets both ways


@pytest.mark.requirement("publish/max-message-size")
def test_max_message_size(clients_of: ClientsOf, names: Names) -> None:
    """A body above the broker's limit closes the channel with 406; one at the limit is taken."""
    client = limited(clients_of)()
    queue = own_queue(client, names)
    client.publish(1, "", queue, bytes(MAX_MESSAGE_SIZE))
    client.publish(1, "", queue, bytes(MAX_MESSAGE_SIZE + 1))
    client.expect_channel_close(1, 406, method="basic.publish")
    client.open_channel(1)
    sizes = [len(body) for body in drain(client, queue)]
    verify.equal(sizes, [MAX_MESSAGE_SIZE], "sizes of the bodies in the queue")


@pytest.mark.requirement("publish/body-large")
def test_body_large(raw: RawClients, names: Names) -> None:
    """A body of 64 MiB is delivered as it was, or refused with 406 or 311."""
    client = raw(timeout=PATIENCE)
    queue = new_queue(client, names)
    body = bytes(range(256)) * (LARGE // 256)
    client.publish(1, "", queue, body)
    client.send(1, "basic.get", queue=queue, no_ack=True)
    answer = client.read_method(1)
    if isinstance(answer, Delivery):
        same = answer.body == body
        verify.true(same, "the same body", f"another body of {len(answer.body)} octets")
    else:
        refused = str(answer) in {"channel.close 406", "channel.close 311"}
        verify.true(refused, "the body, or channel.close 406 or 311", str(answer))
    verify_next(raw())


def verify_next(client: RawClient) -> None:
    """The broker serves the next client."""
    client.sync(1)
