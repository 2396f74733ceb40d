"""Which method a client may send in which phase of its connection, as tables.

A connection goes  HEADER -> START -> TUNE -> OPENING -> OPEN -> CLOSING -> CLOSED,  each step made
by one frame of the client's (or, to CLOSING, by an error of its own making). What is in the tables:
the methods of class connection, which only channel 0 carries, and what each of them leads to. What
is not: heartbeats, which are legal on channel 0 in every phase after HEADER; connection.close,
legal in OPEN and CLOSING only, since before that nobody is trusted with a handshake (2.2.4: errors
found before Open-Ok end in a bare close of the socket); and everything on channels, whose own
states are three: absent, open, and closing (the broker has sent Close and drops what still
arrives until Close-Ok, 1.5.2.5).

Sources: specification 1.4.2, 2.2.4, 4.2.2; RabbitMQ's behaviour where they leave room.
"""

from enum import Enum, auto


class Phase(Enum):
    """How far a connection has come; named for what the broker waits for."""

    HEADER = auto()
    START = auto()  # Start sent, Start-Ok awaited
    TUNE = auto()  # Tune sent, Tune-Ok awaited
    OPENING = auto()  # tuned, Open awaited
    OPEN = auto()
    CLOSING = auto()  # the broker has sent Close, Close-Ok awaited
    CLOSED = auto()  # nothing more is read


# Phase -> {method on channel 0: the phase after it}
STEPS: dict[Phase, dict[str, Phase]] = {
    Phase.HEADER: {},
    Phase.START: {"connection.start-ok": Phase.TUNE},
    Phase.TUNE: {"connection.tune-ok": Phase.OPENING},
    Phase.OPENING: {"connection.open": Phase.OPEN},
    Phase.OPEN: {
        "connection.close": Phase.CLOSED,
        "connection.update-secret": Phase.OPEN,
    },
    Phase.CLOSING: {
        "connection.close": Phase.CLOSING,
        "connection.close-ok": Phase.CLOSED,
    },
    Phase.CLOSED: {},
}

# Phases in which an error ends the socket without a Close method.
UNTRUSTED = frozenset({Phase.HEADER, Phase.START, Phase.TUNE, Phase.OPENING})

# Methods without content that only a server sends: a client that sends one gets 503.
SERVER_ONLY = frozenset(
    {
        "access.request-ok",
        "basic.cancel-ok",
        "basic.consume-ok",
        "basic.get-empty",
        "basic.qos-ok",
        "basic.recover-ok",
        "channel.open-ok",
        "confirm.select-ok",
        "exchange.bind-ok",
        "exchange.declare-ok",
        "exchange.delete-ok",
        "exchange.unbind-ok",
        "queue.bind-ok",
        "queue.declare-ok",
        "queue.delete-ok",
        "queue.purge-ok",
        "queue.unbind-ok",
        "tx.commit-ok",
        "tx.rollback-ok",
        "tx.select-ok",
    }
)
