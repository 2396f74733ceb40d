"""How many messages have gone through a vhost.

Nothing is counted for it while messages pass: a queue's positions and a channel's delivery tags are
counts already. Only what a queue or a channel has handled is added up here when it ends.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class Flow:
    """Counts since the broker started."""

    entered: int = 0  # messages put into queues; one for each queue that a message reached
    delivered: int = 0  # messages sent to consumers and to basic.get, redelivered ones included
    settled: int = 0  # of these: acknowledged, refused, or sent to who needs not acknowledge

    def add(self, entered: int = 0, delivered: int = 0, settled: int = 0) -> None:
        """Count further messages."""
        self.entered += entered
        self.delivered += delivered
        self.settled += settled
