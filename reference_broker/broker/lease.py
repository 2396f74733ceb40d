"""Leases of queues: one that nobody has used for so long goes (x-expires, or by policy)."""

from collections.abc import Callable

from .ports import Clock, Timer
from .queue import Queue

_MILLISECOND = 0.001
_LOOK_AGAIN = 0.01  # seconds at least between looks at a queue in use, however short its lease is


class Leases:
    """The leases of a vhost's queues; `delete` is called with a queue whose lease has run out."""

    def __init__(self, clock: Clock, delete: Callable[[Queue], object]) -> None:
        self._clock = clock
        self._delete = delete
        self._timers: dict[Queue, Timer] = {}

    def watch(self, queue: Queue) -> None:
        """Let a queue go when its time has come; call again when its limits have changed."""
        self.forget(queue)
        if queue.limits.expires is None or queue.deleted:
            return
        lease = queue.limits.expires * _MILLISECOND
        idle = 0.0 if queue.consumers else self._clock.now() - queue.used
        if idle >= lease:
            self._delete(queue)
        else:
            # Never at once: what is left may be less than the clock can tell.
            least = _LOOK_AGAIN if queue.consumers else _MILLISECOND
            delay = max(lease - idle, least)
            self._timers[queue] = self._clock.call_later(delay, lambda: self.watch(queue))

    def forget(self, queue: Queue) -> None:
        """The queue is deleted, or has no lease any more."""
        if self._timers:
            timer = self._timers.pop(queue, None)
            if timer is not None:
                timer.cancel()
