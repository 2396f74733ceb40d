"""A raw client with a lock and an unacknowledged message, and proof that the broker frees both."""

from dataclasses import dataclass

from suites import verify
from suites.amqp.steps import new_queue, ready
from suites.clients.raw import RawClient
from suites.harness.names import Names

HELD = b"held"
FREED = 15.0  # seconds from the end that the broker has seen; far above what it takes


@dataclass(frozen=True)
class Owner:
    """`client` owns `lock`, an exclusive queue, and holds a message of `queue`; `witness` looks."""

    client: RawClient
    witness: RawClient
    queue: str
    lock: str

    def locked(self) -> bool:
        """Whether the lock holds: 405 for others, and not 404."""
        return is_locked(self.witness, self.lock)

    def expect_freed(self) -> None:
        """The lock goes, the message comes to another, and nothing else is in the queue."""
        verify.eventually(lambda: not self.locked(), "lock gone", FREED)
        self.witness.consume(1, self.queue)
        again = self.witness.expect_content(1, "basic.deliver", HELD, timeout=FREED)
        verify.equal(again["redelivered"], expected=True, what="redelivered")
        self.witness.send(1, "basic.ack", delivery_tag=again["delivery_tag"])
        self.witness.expect_nothing(1)
        verify.equal(ready(self.witness, self.queue), 0, "messages in the queue")


def new_owner(client: RawClient, witness: RawClient, names: Names) -> Owner:
    """Declare, publish and hold, on channel 1."""
    queue, lock = new_queue(witness, names), names()
    client.call(1, "queue.declare", queue=lock, exclusive=True)
    client.publish(1, "", queue, HELD)
    client.consume(1, queue)
    client.expect_content(1, "basic.deliver", HELD)
    return Owner(client, witness, queue, lock)


def is_locked(witness: RawClient, queue: str) -> bool:
    """Whether an exclusive queue is another's (405) and not gone (404)."""
    witness.send(1, "queue.declare", queue=queue, passive=True)
    closed = witness.expect_channel_close(1, 404, 405)
    witness.open_channel(1)
    return bool(closed["reply_code"] == 405)
