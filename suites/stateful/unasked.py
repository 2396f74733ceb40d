"""What programs do not ask, since the answer depends on chance or is documented as open.

`normalise` says why of each; here is how it is seen from what the model holds.
"""

from typing import Any

from suites.stateful.model import Channel, Connection, Model
from suites.stateful.queues import Consumer, Queue


def overtakes(model: Model) -> bool:
    """Whether a queue has priorities, so that a message may overtake others on its way out."""
    return any("x-max-priority" in queue.arguments for queue in model.queues.values())


def races(channel: Channel, queue: Queue | None) -> bool:
    """Whether a consumer of the channel would compete under a limit of its channel."""
    if queue is None:
        return False
    others: set[Any] = {consumer.channel for consumer in queue.consumers}
    limited = channel.shared or any(getattr(other, "shared", 0) for other in others)
    if channel.shared and "x-dead-letter-exchange" in queue.arguments:
        return True
    own = {consumer.queue for consumer in channel.consumers.values()}
    return bool(limited and (others - {channel} or own - {queue}))


def shared_limit_races(channel: Channel) -> bool:
    """Whether a limit of the channel, set now, would meet with what it must not."""
    fetched = any(out.consumer is None for out in channel.outs.values())
    queues = {consumer.queue for consumer in channel.consumers.values()}
    others = {one.channel for queue in queues for one in queue.consumers} - {channel}
    buries = any("x-dead-letter-exchange" in queue.arguments for queue in queues)
    unacked = any(consumer.no_ack for consumer in channel.consumers.values())
    unfit = fetched or buries or unacked or channel.transaction is not None
    return unfit or len(queues) > 1 or bool(others)


def requeue_races(channel: Channel) -> bool:
    """Whether what comes back under the channel's limit competes for the room that it leaves."""
    consumed = {consumer.queue for consumer in channel.consumers.values()}
    return bool(channel.shared) and any(q.ready or len(q.consumers) > 1 for q in consumed)


def hands_over(consumer: Consumer) -> bool:
    """Whether it is a single active consumer that leaves others with messages that wait."""
    queue = consumer.queue
    single = "x-single-active-consumer" in queue.arguments and consumer is queue.active
    return single and bool(queue.ready) and len(queue.consumers) > 1


def comes_back_in_parts(channel: Channel) -> bool:
    """Whether several have something of one queue: consumers of the channel, or who fetched."""
    holders = {(out.queue, out.consumer) for out in channel.outs.values()}
    return len(holders) > len({queue for queue, _consumer in holders})


def feeds_itself(connection: Connection | None) -> bool:
    """Whether what one channel gives back may go to another of the same connection."""
    return connection is not None and any(
        consumer.queue is out.queue
        for holding in connection.channels.values()
        for other in connection.channels.values()
        for out in holding.undecided.values()
        for consumer in other.consumers.values()
        if other is not holding
    )
