"""What a protocol promises of its messages, as data, and the verdict on a history by it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from suites.durability.checkers import CHECKERS, Anomaly, Kind
from suites.durability.history import Event, History
from suites.verify import Mismatch

SHOWN = 3  # anomalies told in one line; the others are in the dump


@dataclass(frozen=True, slots=True)
class Contract:
    """The anomalies that it excludes, and those that it leaves open and that are only counted."""

    name: str
    forbidden: frozenset[Kind]
    counted: frozenset[Kind] = frozenset()


_NEVER = frozenset({Kind.LOST, Kind.DOUBLED, Kind.REORDERED, Kind.PHANTOM})

AT_LEAST_ONCE = Contract(
    "at least once",
    forbidden=_NEVER | {Kind.UNFLAGGED},
    counted=frozenset({Kind.RESURRECTED, Kind.TORN}),
)
"""AMQP with confirms. That an ack outlives a crash, and that a transaction is whole after one, is
asked for by no rule with MUST; see the requirements that are about it."""

UNSYNCED = Contract(
    "at least once, what was not synced being lost",
    forbidden=_NEVER,
    counted=AT_LEAST_ONCE.counted | {Kind.UNFLAGGED},
)
"""The same where the disk fails, not only the process: that a message has been out is nothing that
a broker promises, and none waits for the disk before it delivers."""

AT_MOST_ONCE = Contract("at most once", forbidden=_NEVER | {Kind.UNFLAGGED, Kind.RESURRECTED})
"""memcacheq: a get settles what it gives, and one whose reply is lost loses one message."""


def anomalies(events: Sequence[Event], kinds: frozenset[Kind]) -> list[Anomaly]:
    """All of these kinds that a history shows."""
    return [found for kind in Kind if kind in kinds for found in CHECKERS[kind](events)]


def judge(history: History, contract: Contract, folder: Path) -> str:
    """What was counted, such as `resurrected 3`; empty when nothing was.

    Raises Mismatch with the anomalies by kind; the history is then in `folder`.
    """
    events = history.events
    found = anomalies(events, contract.forbidden)
    if found:
        path = history.dump(folder / "history.jsonl")
        told = "; ".join(f"{a.kind} {a.message} of {a.queue}: {a.told}" for a in found[:SHOWN])
        raise Mismatch(f"no anomaly ({contract.name})", _counts(found), f"{told}; see {path}")
    return _counts(anomalies(events, contract.counted))


def _counts(found: list[Anomaly]) -> str:
    counted = Counter(anomaly.kind for anomaly in found)
    return ", ".join(f"{kind} {counted[kind]}" for kind in Kind if counted[kind])
