"""Pick free loopback ports for brokers.

They lie below the range from which systems take the ports of outgoing connections: a client that
knocks on a stopped broker's port from inside that range can be connected to itself by the kernel,
and then holds the port when the broker wants it back.

A port that was given stays reserved on this machine: this process holds the UDP port of the same
number, which nobody else wants, and a port whose number is held so is not given. Else another
harness could take it while a broker is down between two starts.
"""

import itertools
import os
import socket
from collections import deque
from collections.abc import Iterator

from suites.brokers.base import BrokerError

FIRST = 20_000
COUNT = 12_000
STRIDE = 37  # so that test workers, whose pids are neighbours, begin apart
RESERVED = 200  # ports at a time, far more than one process has brokers for

_HOST = "127.0.0.1"
_reservations: deque[int] = deque()  # descriptors, which the end of the process closes

_turns: dict[int, Iterator[int]] = {}  # by the process: a fork begins elsewhere than its parent


def free_port() -> int:
    """A loopback TCP port that nothing listens on now, never given twice soon."""
    own = os.getpid()
    turns = _turns.setdefault(own, itertools.count(own * STRIDE))
    for turn in itertools.islice(turns, COUNT):
        port = FIRST + turn % COUNT
        reservation = socket.socket(type=socket.SOCK_DGRAM)
        try:
            reservation.bind((_HOST, port))
            with socket.socket() as probe:
                probe.bind((_HOST, port))
        except OSError:
            reservation.close()
            continue
        _keep(reservation.detach())
        return port
    raise BrokerError(f"no free port on {_HOST} from {FIRST} to {FIRST + COUNT - 1}")


def _keep(reservation: int) -> None:
    _reservations.append(reservation)
    if len(_reservations) > RESERVED:
        os.close(_reservations.popleft())
