"""Acknowledgements that take too long: the channel is closed, and its messages go back.

See https://www.rabbitmq.com/docs/consumers#acknowledgement-timeout. A delivery is not stamped with
its time, which every delivery would pay for: each look at a channel writes down how far its tags
have come, and what is still unacked of those of a look that is `timeout` ago is overdue. So a
timeout is noticed up to two intervals late; RabbitMQ looks once a minute.
"""

from collections import deque

from reference_broker.wire.errors import SoftError

from .channel import Channel
from .hub import Hub

_LONGEST = 60.0  # seconds between two looks
_LOOKS = 8  # within one timeout


class OverdueAcks:
    """Looks for them whenever `check` is called, which should be every `interval` seconds."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._timeout = hub.config.consumer_timeout / 1000
        self.interval = min(_LONGEST, self._timeout / _LOOKS)
        self._marks: dict[Channel, deque[tuple[float, int]]] = {}  # time, last tag at that time

    def check(self, now: float) -> None:
        """Close every channel whose oldest delivery has waited too long; `now` in seconds."""
        open_channels = [
            channel
            for session in self._hub.sessions
            for channel in session.channels.values()
            if channel.unacked
        ]
        self._marks = {channel: self._marks.get(channel, deque()) for channel in open_channels}
        for channel in open_channels:
            if self._is_overdue(channel, now):
                self._close(channel)

    def _is_overdue(self, channel: Channel, now: float) -> bool:
        marks, oldest = self._marks[channel], next(iter(channel.unacked))
        while marks and marks[0][1] < oldest:
            marks.popleft()
        if not marks or marks[-1][1] < channel.delivery_tag:
            marks.append((now, channel.delivery_tag))
        return marks[0][0] <= now - self._timeout

    def _close(self, channel: Channel) -> None:
        text = (
            f"delivery acknowledgement on channel {channel.number} timed out. Timeout value used: "
            f"{self._hub.config.consumer_timeout} ms. This timeout value can be configured, see "
            "consumers doc guide to learn more"
        )
        channel.session.protocol.fail_channel(channel.number, SoftError(406, text, (0, 0)))
