"""Put messages into a queue and look what is there, by a raw client that stands aside."""

import time
import uuid
from collections.abc import Sequence

from suites.answers.experiment import until
from suites.clients.raw import RawClient
from suites.clients.received import Delivery
from suites.verify import Mismatch

PATIENCE = 20.0
PERSISTENT = 2


def new_name() -> str:
    """A name that nothing else on the broker has."""
    return f"mqproof.answers.{uuid.uuid4().hex[:12]}"


def fill(client: RawClient, queue: str, bodies: Sequence[bytes]) -> None:
    """Declare a durable queue, and put persistent messages into it; all are confirmed.

    The client's channel 1 is open, and so is a channel 2 afterwards.
    """
    client.call(1, "queue.declare", queue=queue, durable=True)
    client.open_channel(2)
    returned = publish(client, "", queue, bodies, channel=2)
    if returned:
        raise Mismatch(f"{len(bodies)} messages in the queue", f"{returned} of them returned")


def publish(
    client: RawClient, exchange: str, key: str, bodies: Sequence[bytes], *, channel: int = 1
) -> int:
    """Publish persistent messages with confirms; how many were returned as unroutable."""
    client.call(channel, "confirm.select")
    for body in bodies:
        client.publish(channel, exchange, key, body, mandatory=True, delivery_mode=PERSISTENT)
    upto, above, returned = 0, set[int](), 0
    while upto + len(above) < len(bodies):
        answer = client.read_method(channel, PATIENCE)
        if answer.name == "basic.return":
            returned += 1
        elif answer.name != "basic.ack":
            raise Mismatch("basic.ack or basic.return", str(answer), answer.detail)
        elif answer["multiple"]:
            upto = max(upto, answer["delivery_tag"])
            above = {tag for tag in above if tag > upto}
        else:
            above.add(answer["delivery_tag"])
    return returned


def counts(client: RawClient, queue: str) -> tuple[int, int]:
    """How many messages are ready, and how many consumers there are."""
    declared = client.call(1, "queue.declare", timeout=PATIENCE, queue=queue, passive=True)
    return declared["message_count"], declared["consumer_count"]


def ready(client: RawClient, queue: str, consumers: int = 0) -> int:
    """How many messages are ready when no more than so many consumers are left.

    A broker takes a consumer away and puts back what it held in one step, so that the count is
    then final. Mismatch when the consumers do not leave.
    """
    if not until(lambda: counts(client, queue)[1] <= consumers, time.monotonic() + PATIENCE):
        found = counts(client, queue)[1]
        raise Mismatch(f"{consumers} consumers within {PATIENCE:g} s", f"{found} consumers")
    return counts(client, queue)[0]


def drained(client: RawClient, queue: str) -> list[Delivery]:
    """Take all that is in the queue, which nobody consumes any more."""
    ready(client, queue)
    found = []
    while (message := client.get(1, queue)) is not None:
        found.append(message)
    return found
