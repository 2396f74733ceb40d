"""Times in the words of the protocol, so that they can be compared."""

from reports.answers.moments import AT_ONCE, SILENCE

LEAST, MOST = 1.4, 3.0
"""Intervals between a client's end and the moment when a broker finds it silent: pika beats twice
an interval, and two to three whole ones after the last octet the broker gives up."""

SLACK = 1.5  # seconds that a loaded machine may add


def silence(seconds: float, interval: float) -> str:
    """When a broker knew of a client's end: at once, by its silence, or at a time of its own."""
    if seconds < interval:
        return AT_ONCE
    if LEAST * interval <= seconds <= MOST * interval + SLACK:
        return SILENCE
    return f"after {seconds / interval:.1f} intervals"
