"""An honest history, and lies about it: one for each kind of anomaly, at seeded places."""

import random
from collections.abc import Callable
from dataclasses import replace

from suites.durability.checkers import Kind
from suites.durability.history import Action, Event, History, Phase

QUEUE = "q"

Events = list[Event]
Lie = Callable[[Events, random.Random], Events]


def seeded(seed: int) -> random.Random:
    """Chance that a seed repeats."""
    return random.Random(seed)  # noqa: S311  data for a test


def honest(seed: int) -> Events:
    """Two publishers and transactions; a consumer acks and requeues; a crash; all is drained."""
    history, rng = History(), seeded(seed)
    queue = [*_published(history, rng), *_transactions(history)]
    given_back = _consumed(history, queue)
    history.next_life()
    for message in queue:
        flag = message in given_back
        history.add("drain", Action.TAKE, Phase.OK, QUEUE, message, redelivered=flag)
    return list(history.events)


def _published(history: History, rng: random.Random) -> list[str]:
    """Send from two publishers, some without an answer; those that the queue got."""
    queue = []
    for number in range(30):
        publisher = f"p{number % 2}"
        message = f"{publisher}:{number}"
        confirmed = rng.random() < 0.9
        history.add(publisher, Action.SEND, Phase.INVOKE, QUEUE, message)
        learned = Phase.OK if confirmed else Phase.INFO
        history.add(publisher, Action.SEND, learned, QUEUE, message)
        if confirmed or rng.random() < 0.5:
            queue.append(message)
    return queue


def _transactions(history: History) -> list[str]:
    """One that was committed, one rolled back, one whose end is unknown; what the queue got."""
    for phase in (Phase.OK, Phase.FAIL, Phase.INFO):
        unit = [f"{phase}.{number}" for number in range(3)]
        for message in unit:
            history.add("t", Action.SEND, Phase.INVOKE, QUEUE, message, unit=phase)
        for message in unit:
            history.add("t", Action.SEND, phase, QUEUE, message)
    return [f"{Phase.OK}.{number}" for number in range(3)]


def _consumed(history: History, queue: list[str]) -> set[str]:
    """Take from the head, ack two of three, give the others back; those that came back."""
    given_back: set[str] = set()
    for index in range(12):
        message = queue[0]
        flag = message in given_back
        history.add("c", Action.TAKE, Phase.OK, QUEUE, message, redelivered=flag)
        if index % 3 == 0:
            history.add("c", Action.GIVE_BACK, Phase.INVOKE, QUEUE, message)
            given_back.add(message)
        else:
            history.add("c", Action.SETTLE, Phase.INVOKE, QUEUE, message)
            history.add("c", Action.SETTLE, Phase.OK, QUEUE, message)
            del queue[0]
    # One more is out, unsettled, when the broker ends.
    history.add("c", Action.TAKE, Phase.OK, QUEUE, queue[0], redelivered=queue[0] in given_back)
    given_back.add(queue[0])
    return given_back


def drained(events: Events) -> list[int]:
    """Where the takes of the last life stand."""
    return [i for i, e in enumerate(events) if e.life == 1 and e.action is Action.TAKE]


def confirmed_and_drained(events: Events) -> list[int]:
    """Those of a drain whose messages were confirmed outside transactions."""
    sent = {e.message for e in events if (e.action, e.phase) == (Action.SEND, Phase.OK)}
    return [i for i in drained(events) if events[i].message in sent and ":" in events[i].message]


def lose(events: Events, rng: random.Random) -> Events:
    """A confirmed message does not come."""
    chosen = rng.choice(confirmed_and_drained(events))
    return [*events[:chosen], *events[chosen + 1 :]]


def double(events: Events, rng: random.Random) -> Events:
    """A message comes twice in one drain, flagged as if it had been given back."""
    chosen = rng.choice(drained(events))
    again = replace(events[chosen], redelivered=True)
    return [*events[: chosen + 1], again, *events[chosen + 1 :]]


def forget_flag(events: Events, rng: random.Random) -> Events:
    """A message that was out comes again as if it were new."""
    del rng
    chosen = next(i for i, e in enumerate(events) if e.redelivered)
    return [
        *events[:chosen],
        replace(events[chosen], redelivered=False),
        *events[chosen + 1 :],
    ]


def reorder(events: Events, rng: random.Random) -> Events:
    """Two messages of one publisher change places in the drain."""
    places = [i for i in drained(events) if events[i].message.startswith("p0:")]
    first, second = sorted(rng.sample(places, 2))
    lied = list(events)
    lied[first], lied[second] = lied[second], lied[first]
    return lied


def invent(events: Events, rng: random.Random) -> Events:
    """A message comes that nobody sent."""
    place = rng.choice(drained(events))
    return [*events[:place], replace(events[place], message="p9:1"), *events[place:]]


def keep_rolled_back(events: Events, rng: random.Random) -> Events:
    """What was rolled back comes."""
    del rng
    take = events[drained(events)[0]]
    return events + [replace(take, message=f"{Phase.FAIL}.{number}") for number in range(3)]


def resurrect(events: Events, rng: random.Random) -> Events:
    """What was certainly acked comes again after the crash."""
    acked = [e.message for e in events if (e.action, e.phase) == (Action.SETTLE, Phase.OK)]
    place = drained(events)[0]
    message = rng.choice(acked)
    take = replace(events[place], message=message, redelivered=True)
    # In its own place, lest it be out of order as well.
    order = [e.message for e in events if (e.action, e.phase) == (Action.SEND, Phase.INVOKE)]
    for index in drained(events):
        if order.index(events[index].message) > order.index(message):
            return [*events[:index], take, *events[index:]]
    return [*events, take]


def tear(events: Events, rng: random.Random) -> Events:
    """One message of a transaction whose commit was under way comes, the others do not."""
    take = events[drained(events)[0]]
    return [*events, replace(take, message=f"{Phase.INFO}.{rng.randrange(3)}", redelivered=False)]


LIES: list[tuple[Lie, Kind]] = [
    (lose, Kind.LOST),
    (double, Kind.DOUBLED),
    (forget_flag, Kind.UNFLAGGED),
    (reorder, Kind.REORDERED),
    (invent, Kind.PHANTOM),
    (keep_rolled_back, Kind.PHANTOM),
    (resurrect, Kind.RESURRECTED),
    (tear, Kind.TORN),
]
