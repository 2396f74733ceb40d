"""Judge a history: each checker finds one kind of anomaly; none knows which broker it judges.

They assume that the last life of the history ends with every queue drained, each by one client.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from suites.durability.history import Action, Event, Phase

Events = Sequence[Event]
Key = tuple[str, str]
"""A queue and a message: a message that went to two queues is two stories."""


class Kind(StrEnum):
    """What may be wrong."""

    LOST = "lost"
    DOUBLED = "doubled"
    UNFLAGGED = "unflagged"
    REORDERED = "reordered"
    PHANTOM = "phantom"
    RESURRECTED = "resurrected"
    TORN = "torn"


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One finding, with the events that show it."""

    kind: Kind
    queue: str
    message: str
    told: str


@dataclass(slots=True)
class _Story:
    """The events of one message in one queue, in order."""

    events: list[Event] = field(default_factory=list)

    def first(self, action: Action, phase: Phase) -> Event | None:
        return next((e for e in self.events if (e.action, e.phase) == (action, phase)), None)

    @property
    def takes(self) -> list[Event]:
        return [e for e in self.events if (e.action, e.phase) == (Action.TAKE, Phase.OK)]


def lost(events: Events) -> Iterator[Anomaly]:
    """It was confirmed, nobody tried to settle it, and the last life does not have it.

    A take without an answer may have taken one message of its queue with it.
    """
    last = _last_life(events)
    missing: dict[str, list[str]] = defaultdict(list)
    for (queue, message), story in _stories(events).items():
        sent = story.first(Action.SEND, Phase.OK)
        tried = story.first(Action.SETTLE, Phase.INVOKE)
        if sent and not tried and all(take.life != last for take in story.takes):
            missing[queue].append(message)
    blind = [e.queue for e in events if (e.action, e.phase) == (Action.TAKE, Phase.INFO)]
    for queue, messages in missing.items():
        if len(messages) > (allowed := blind.count(queue)):
            for message in messages:
                yield Anomaly(Kind.LOST, queue, message, f"confirmed; {allowed} may be missing")


def doubled(events: Events) -> Iterator[Anomaly]:
    """It came again in one life of the broker though it had not been given back."""
    for (queue, message), story in _stories(events).items():
        held_in: int | None = None
        for event in story.events:
            if event.action is Action.GIVE_BACK:
                held_in = None
            if (event.action, event.phase) != (Action.TAKE, Phase.OK):
                continue
            if held_in == event.life:
                yield Anomaly(Kind.DOUBLED, queue, message, f"taken twice in life {held_in}")
            held_in = event.life


def unflagged(events: Events) -> Iterator[Anomaly]:
    """It came again without the redelivered flag."""
    for (queue, message), story in _stories(events).items():
        for number, take in enumerate(story.takes[1:], start=2):
            if not take.redelivered:
                told = f"take {number}, in life {take.life}, is not flagged"
                yield Anomaly(Kind.UNFLAGGED, queue, message, told)


def reordered(events: Events) -> Iterator[Anomaly]:
    """One client saw two messages of one publisher in another order than they were sent in.

    Before the last life only first deliveries count: what was given back may come later.
    """
    last = _last_life(events)
    places: dict[Key, tuple[str, int]] = {}
    newest: dict[tuple[int, str, str, str], int] = defaultdict(lambda: -1)
    for number, event in enumerate(events):
        key = event.queue, event.message
        if (event.action, event.phase) == (Action.SEND, Phase.INVOKE):
            places[key] = event.process, number
        elif (event.action, event.phase) == (Action.TAKE, Phase.OK) and key in places:
            if event.redelivered and event.life != last:
                continue
            publisher, place = places[key]
            seen = event.life, event.process, event.queue, publisher
            if place < newest[seen]:
                yield Anomaly(Kind.REORDERED, *key, f"behind a later one of {publisher}")
            newest[seen] = max(place, newest[seen])


def phantom(events: Events) -> Iterator[Anomaly]:
    """It came, and was never sent, or was taken back before it was sent."""
    for (queue, message), story in _stories(events).items():
        if not story.takes:
            continue
        if story.first(Action.SEND, Phase.INVOKE) is None:
            yield Anomaly(Kind.PHANTOM, queue, message, "never sent")
        elif story.first(Action.SEND, Phase.FAIL):
            yield Anomaly(Kind.PHANTOM, queue, message, "rolled back")


def resurrected(events: Events) -> Iterator[Anomaly]:
    """It came again after the broker had certainly processed that it was settled."""
    for (queue, message), story in _stories(events).items():
        settled = False
        for event in story.events:
            settled = settled or (event.action, event.phase) == (Action.SETTLE, Phase.OK)
            if settled and (event.action, event.phase) == (Action.TAKE, Phase.OK):
                told = f"settled, and taken again in life {event.life}"
                yield Anomaly(Kind.RESURRECTED, queue, message, told)
                break


def torn(events: Events) -> Iterator[Anomaly]:
    """Of a transaction whose end is unknown a queue has one message and lacks another."""
    units: dict[tuple[str, str], dict[str, bool]] = defaultdict(dict)
    for (queue, message), story in _stories(events).items():
        sent = story.first(Action.SEND, Phase.INVOKE)
        if sent and sent.unit:
            units[queue, sent.unit][message] = bool(story.takes)
    for (queue, unit), came in units.items():
        if any(came.values()) and not all(came.values()):
            told = f"{sum(came.values())} of {len(came)} messages of {unit} came"
            yield Anomaly(Kind.TORN, queue, next(iter(came)), told)


CHECKERS: Mapping[Kind, Callable[[Events], Iterable[Anomaly]]] = {
    Kind.LOST: lost,
    Kind.DOUBLED: doubled,
    Kind.UNFLAGGED: unflagged,
    Kind.REORDERED: reordered,
    Kind.PHANTOM: phantom,
    Kind.RESURRECTED: resurrected,
    Kind.TORN: torn,
}


def _stories(events: Events) -> Mapping[Key, _Story]:
    stories: dict[Key, _Story] = defaultdict(_Story)
    for event in events:
        if event.message:
            stories[event.queue, event.message].events.append(event)
    return stories


def _last_life(events: Events) -> int:
    return max((event.life for event in events), default=0)
