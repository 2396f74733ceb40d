"""What the protocol promises of time, in seconds, with room above for a loaded machine."""

SLACK = 3.0
"""What scheduling may add to any time on a loaded machine."""

PIKA_GRACE = 5.0
"""What pika adds to the interval: it looks every interval plus this, and gives up on no octets."""


def silence(interval: float) -> tuple[float, float]:
    """When a broker ends a silent connection, counted from the last octet that it was sent.

    Not before two intervals (specification 4.2.7). RabbitMQ's guide promises two missed ones, and
    who looks once an interval finds the second whole one at most three intervals after.
    """
    return 2 * interval, 3 * interval + SLACK


def patience(interval: float) -> tuple[float, float]:
    """When pika gives up on a silent broker, counted from the last octet that it got.

    It looks every `interval` + 5 s whether any octet has come since the last look.
    """
    period = interval + PIKA_GRACE
    return period, 2 * period + SLACK


def told(interval: float) -> tuple[float, float]:
    """What FIN or RST tells: before a heartbeat could have been missed twice."""
    return 0.0, 2 * interval


LONGEST = 30.0
"""Longer than anything here can take at intervals of 1 and 2 s."""
