"""Offer one interval, answer with another, and watch what both sides make of it."""

import itertools
import re
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import ClassVar

from reports.answers.model import Cell, Fact
from reports.answers.moments import NEVER
from reports.answers.questions.heartbeat_negotiation import (
    DEFAULT,
    HIGH,
    KEPT,
    LOW,
    MUTE,
    NO_BEATS,
    NOTHING,
    OFF,
    ONCE,
    PIKA,
    QUESTION,
    TOO_LONG,
    TWICE,
    WATCHED,
)
from suites.answers.experiment import Experiment, Place, Stage
from suites.answers.intervals import MOST, SLACK, silence
from suites.brokers import registry
from suites.brokers.base import Broker, BrokerError, Endpoint, Unsupported
from suites.clients.link import CLOSED
from suites.clients.process import ClientError
from suites.clients.raw import RawClient
from suites.clients.remote import RemoteClient
from suites.clients.transcript import CAME, SENT, Transcript
from suites.verify import Mismatch

OFFERS: Mapping[str, int | None] = {DEFAULT: None, OFF: 0, LOW: 2, HIGH: 120}
ASKED: Mapping[str, int | None] = {NOTHING: None, "0": 0, "1 s": 1, "2 s": 2, "3 s": 3}
assert OFFERS.keys() == QUESTION.columns.keys()
assert ASKED.keys() == QUESTION.rows.keys()

PUMPED = 3.5  # intervals: a broker that hears nothing has ended the connection after three
TUNE = re.compile(r"connection\.(tune|tune-ok) .*heartbeat=(\d+)")
RATES = ((0.35, 0.75, TWICE), (0.75, 1.3, ONCE))
"""The middle distance of heartbeats, as parts of the interval, in words."""


class HeartbeatNegotiation(Experiment):
    """All brokers are started first, then all cells are under way at the same time.

    `watch` is longer than three intervals of the lowest offer: else a broker that kept to its own
    offer where the client said 0 would not show it.
    """

    question = QUESTION
    defaults: ClassVar[Mapping[str, float]] = {"watch": 8}

    def run(self, stage: Stage) -> Iterator[Cell]:
        """Start a broker for each offer, and ask all of them."""
        with ExitStack() as stack:
            there: dict[str, Endpoint] = {}
            for column, offer in OFFERS.items():
                stage.progress(f"a broker that offers: {column}")
                try:
                    there[column] = _offering(stage.broker, offer, stack)
                except (Unsupported, BrokerError) as error:
                    why = "unsupported" if isinstance(error, Unsupported) else "broke"
                    for place in _places([column]):
                        yield stage.cell(place, trouble=f"{why}: {error}")
            places = _places(list(there))
            stage.progress(f"{len(places)} cells")

            def play(place: Place) -> Cell:
                act = _pika if place.variant == PIKA else _raw
                return stage.attempt(place, lambda: act(stage, place, there[place.column]))

            yield from stage.side_by_side(play, stage.shuffled(places))


def _places(columns: Sequence[str]) -> list[Place]:
    wanted = QUESTION.places()
    return [Place(row, column, variant) for row, variant, column in wanted if column in columns]


def _offering(broker: Broker, offer: int | None, stack: ExitStack) -> Endpoint:
    """Where a broker of the same kind listens that offers this interval; None: as it is."""
    if offer is None:
        return broker.endpoint
    other = registry.variant(broker, {"heartbeat": str(offer)})
    stack.callback(other.close)
    return other.start()


def _pika(stage: Stage, place: Place, there: Endpoint) -> Cell:
    """Let pika connect and beat."""
    seen = Transcript()
    client = RemoteClient(there, seen, "C")
    try:
        client.join(heartbeat=ASKED[place.row])
        values = {name: int(value) for name, value in TUNE.findall("\n".join(seen.lines))}
        interval = values["tune-ok"]
        time.sleep(interval * PUMPED if 0 < interval <= WATCHED else stage.parameters["watch"])
        facts: dict[str, Fact] = {"offer": values["tune"], "taken": interval}
        try:
            client.call("sync")
            connection = KEPT
        except ClientError as error:
            connection = error.actual
    finally:
        client.close()
    gaps = {side: _gaps(_beats(seen, way)) for side, way in (("broker", CAME), ("pika", SENT))}
    facts |= {
        "broker beats": _rate(gaps["broker"], interval),
        "client beats": _rate(gaps["pika"], interval),
        "connection": TOO_LONG if interval > WATCHED else connection,
    }
    times = {
        f"{side} every": statistics.median(some)
        for side, some in gaps.items()
        if some and interval <= WATCHED
    }
    return stage.cell(place, facts=facts, times=times, transcript=seen.lines)


def _raw(stage: Stage, place: Place, there: Endpoint) -> Cell:
    """Shake hands, then only listen."""
    seen = Transcript()
    client = RawClient(there, transcript=seen, label="R")
    try:
        client.start()
        offer = client.start_ok()["heartbeat"]
        asked = ASKED[place.row]
        interval = offer if asked is None else asked
        client.tune_ok(heartbeat=interval)
        client.open_vhost()
        watched = 0 < interval <= WATCHED
        longest = MOST * interval + SLACK if watched else stage.parameters["watch"]
        ended = _listen(client, longest)
    finally:
        client.close()
    gaps = _gaps(client.heartbeats)
    word = NEVER if ended is None else silence(ended, interval) if interval else "all the same"
    facts: dict[str, Fact] = {
        "offer": offer,
        "taken": interval,
        "broker beats": _rate(gaps, interval),
        "client beats": MUTE,
        "connection": TOO_LONG if interval > WATCHED else word,
    }
    times = {"broker every": statistics.median(gaps)} if gaps and watched else {}
    if ended is not None:
        times["ended after"] = ended
    return stage.cell(place, facts=facts, times=times, transcript=seen.lines)


def _listen(client: RawClient, longest: float) -> float | None:
    """After how many seconds the broker ended the connection; None if it did not."""
    began = time.monotonic()
    try:
        answer = client.read_method(timeout=longest)
    except Mismatch as error:
        return time.monotonic() - began if error.actual.startswith(CLOSED) else None
    raise Mismatch("silence or the end", str(answer), answer.detail)


def _beats(seen: Transcript, way: str) -> list[float]:
    """When heartbeats passed that way, in the seconds of the transcript."""
    found = [line.split() for line in seen.lines if line.endswith("heartbeat")]
    return [float(words[0]) for words in found if words[2] == way]


def _gaps(times: Sequence[float]) -> list[float]:
    return [later - earlier for earlier, later in itertools.pairwise(times)]


def _rate(gaps: Sequence[float], interval: int) -> str:
    """How often somebody beats, in words."""
    if interval > WATCHED:
        return TOO_LONG
    if not gaps:
        return NO_BEATS
    if not interval:
        return "although they are off"
    part = statistics.median(gaps) / interval
    return next(
        (word for low, high, word in RATES if low <= part < high), f"every {part:.1f} intervals"
    )


EXPERIMENT = HeartbeatNegotiation()
