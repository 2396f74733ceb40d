"""Pick free loopback ports for brokers.

They lie below the range from which systems take the ports of outgoing connections: a client that
knocks on a stopped broker's port from inside that range can be connected to itself by the kernel,
and then holds the port when the broker wants it back.
"""

import itertools
import os
import socket
from collections.abc import Iterator

from suites.brokers.base import BrokerError

FIRST = 20_000
COUNT = 12_000
STRIDE = 37  # so that test workers, whose pids are neighbours, begin apart

_turns: dict[int, Iterator[int]] = {}  # by the process: a fork begins elsewhere than its parent


def free_port() -> int:
    """A loopback TCP port that nothing listens on now, never given twice soon."""
    own = os.getpid()
    turns = _turns.setdefault(own, itertools.count(own * STRIDE))
    for turn in itertools.islice(turns, COUNT):
        port = FIRST + turn % COUNT
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise BrokerError(f"no free port on 127.0.0.1 from {FIRST} to {FIRST + COUNT - 1}")
