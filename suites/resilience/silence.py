"""Clients that fall silent, and what becomes of them."""

import time
from typing import NamedTuple

from suites import verify
from suites.clients.link import CLOSED
from suites.clients.raw import RawClient
from suites.resilience.bounds import silence


class Dropped(NamedTuple):
    """A connection that the broker ended: after so many seconds of silence, by FIN or RST."""

    seconds: float
    how: str


def fall_silent(client: RawClient, interval: float, pause: float = 0.0) -> Dropped:
    """Say one last thing after a pause, then only listen until the broker ends the connection.

    Mismatch if it comes too early or too late, or if the broker says anything before.
    """
    time.sleep(pause)  # the phase of the broker's clock at which the silence begins
    began = time.monotonic()
    client.send_heartbeat()
    low, high = silence(interval)
    how = ended(client, high)
    seconds = time.monotonic() - began
    verify.between(seconds, low, high, f"seconds of silence at an interval of {interval:g} s")
    return Dropped(seconds, how)


def ended(client: RawClient, timeout: float) -> str:
    """`FIN` or `RST`, which must come next and in time."""
    try:
        received = client.read_method(timeout=timeout)
    except verify.Mismatch as end:
        if not end.actual.startswith(CLOSED):
            raise verify.Mismatch(CLOSED, end.actual, end.detail) from None
        return "FIN" if end.detail == "FIN" else "RST"
    raise verify.Mismatch(CLOSED, str(received), received.detail)
