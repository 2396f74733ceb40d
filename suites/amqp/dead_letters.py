"""What tests of dead letters share: a queue that messages die in, and one where they arrive.

Channel 1 works, channel 2 consumes dead letters without acknowledgement.
"""

from typing import Any

from suites import verify
from suites.amqp.expiry import ready
from suites.amqp.steps import hold, take
from suites.amqp.topology import own_queue
from suites.clients.raw import RawClient
from suites.clients.received import Delivery
from suites.harness.names import Names

TTL = 100  # milliseconds


def dead_queue(client: RawClient, names: Names, **arguments: Any) -> str:
    """A queue for dead letters, which channel 2 consumes."""
    queue = own_queue(client, names, **arguments)
    client.consume(2, queue, no_ack=True)
    return queue


def dying_queue(client: RawClient, names: Names, dead: str, **arguments: Any) -> str:
    """A queue whose dead letters go to the queue `dead`, through the default exchange."""
    letters = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    return own_queue(client, names, **letters, **arguments)


def wait_and_hold(client: RawClient, queue: str, *bodies: bytes) -> list[int]:
    """As `steps.hold`, once all of these messages have arrived."""
    verify.eventually(lambda: ready(client, queue), "messages ready", wanted=len(bodies))
    return hold(client, queue, *bodies)


def reject(client: RawClient, queue: str, body: bytes) -> None:
    """Wait for this message in the queue, and reject it for good."""
    [tag] = wait_and_hold(client, queue, body)
    client.send(1, "basic.reject", delivery_tag=tag)


def take_dead(client: RawClient, *bodies: bytes) -> list[Delivery]:
    """The next dead letters on channel 2, which must be these and in this order."""
    return take(client, *bodies, channel=2)


def deaths(letter: Delivery) -> list[dict[str, Any]]:
    """The entries of the message's x-death header; none if it has no such header."""
    entries: list[dict[str, Any]] = letter.properties.get("headers", {}).get("x-death", [])
    return entries


def counts(letter: Delivery) -> list[tuple[str, str, int]]:
    """Queue, reason and count of each entry of x-death."""
    return [(death["queue"], death["reason"], death["count"]) for death in deaths(letter)]
