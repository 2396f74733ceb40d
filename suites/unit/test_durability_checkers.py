"""The checkers judge honest histories as clean, and each finds its own seeded lie and no other's."""

import json
import random
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from suites.clients.received import Delivery
from suites.durability.checkers import CHECKERS, Kind
from suites.durability.contents import content, identify
from suites.durability.contracts import AT_LEAST_ONCE, AT_MOST_ONCE, anomalies, judge
from suites.durability.history import Action, Event, History, Phase
from suites.verify import Mismatch

SEEDS = range(20)
QUEUE = "q"

Events = list[Event]
Lie = Callable[[Events, random.Random], Events]


def honest(seed: int) -> Events:
    """Two publishers and a transaction; a consumer acks and requeues; a crash; all is drained."""
    rng = random.Random(seed)
    history = History()

    def note(process: str, action: Action, phase: Phase, message: str, **more: str | bool) -> None:
        history.add(process, action, phase, QUEUE, message, **more)  # type: ignore[arg-type]  a test

    queue: list[tuple[str, bool]] = []
    for number in range(30):
        message = f"p{number % 2}:{number}"
        note(f"p{number % 2}", Action.SEND, Phase.INVOKE, message)
        came = rng.random() < 0.9
        note(f"p{number % 2}", Action.SEND, Phase.OK if came else Phase.INFO, message)
        if came or rng.random() < 0.5:
            queue.append((message, False))
    for phase in (Phase.OK, Phase.FAIL, Phase.INFO):
        for number in range(3):
            note("t", Action.SEND, Phase.INVOKE, f"{phase}.{number}", unit=phase)
        for number in range(3):
            note("t", Action.SEND, phase, f"{phase}.{number}")
        if phase is Phase.OK:
            queue += [(f"{phase}.{number}", False) for number in range(3)]
    for index in range(12):
        message, flag = queue[0]
        note("c", Action.TAKE, Phase.OK, message, redelivered=flag)
        if index % 3 == 0:
            note("c", Action.GIVE_BACK, Phase.INVOKE, message)
            queue[0] = message, True
            continue
        note("c", Action.SETTLE, Phase.INVOKE, message)
        note("c", Action.SETTLE, Phase.OK, message)
        del queue[0]
    history.next_life()
    for message, flag in queue:
        note("drain", Action.TAKE, Phase.OK, message, redelivered=flag)
    return list(history.events)


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
    (forget_flag, Kind.DOUBLED),
    (reorder, Kind.REORDERED),
    (invent, Kind.PHANTOM),
    (keep_rolled_back, Kind.PHANTOM),
    (resurrect, Kind.RESURRECTED),
    (tear, Kind.TORN),
]


@pytest.mark.parametrize("seed", SEEDS)
def test_honest(seed: int) -> None:
    """An honest history has no anomaly of any kind."""
    assert anomalies(honest(seed), frozenset(Kind)) == []


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("lie", "kind"), LIES, ids=[lie.__name__ for lie, _kind in LIES])
def test_lie(lie: Lie, kind: Kind, seed: int) -> None:
    """Each lie is found, as what it is."""
    found = anomalies(lie(honest(seed), random.Random(seed)), frozenset(Kind))
    assert {anomaly.kind for anomaly in found} == {kind}
    assert all(anomaly.queue == QUEUE for anomaly in found)


def test_every_kind_has_a_lie() -> None:
    """No checker goes untested, and each contract names only kinds with a checker."""
    assert {kind for _lie, kind in LIES} == set(CHECKERS) == set(Kind)


def take_all(sent: int, blind: int, came: list[int]) -> Events:
    """A memcacheq queue: so many values stored, so many gets without a reply, these came."""
    history = History()
    for number in range(sent):
        history.add("p", Action.SEND, Phase.INVOKE, QUEUE, str(number))
        history.add("p", Action.SEND, Phase.OK, QUEUE, str(number))
    for _ in range(blind):
        history.add("g", Action.TAKE, Phase.INFO, QUEUE, "")
    history.next_life()
    for number in came:
        history.add("g", Action.TAKE, Phase.OK, QUEUE, str(number))
        history.add("g", Action.SETTLE, Phase.INVOKE, QUEUE, str(number))
        history.add("g", Action.SETTLE, Phase.OK, QUEUE, str(number))
    return list(history.events)


def test_blind_takes_excuse_losses() -> None:
    """A get whose reply was lost may take one message with it, and no more."""
    assert not anomalies(take_all(5, 2, [2, 3, 4]), AT_MOST_ONCE.forbidden)
    found = anomalies(take_all(5, 1, [2, 3, 4]), AT_MOST_ONCE.forbidden)
    assert [(a.kind, a.message) for a in found] == [(Kind.LOST, "0"), (Kind.LOST, "1")]


def test_at_most_once() -> None:
    """What a get gave never comes again."""
    found = anomalies(take_all(3, 0, [0, 1, 2, 2]), AT_MOST_ONCE.forbidden)
    assert {anomaly.kind for anomaly in found} == {Kind.DOUBLED, Kind.RESURRECTED}


def test_contract_is_data() -> None:
    """A resurrected message breaks one contract, and is only counted by the other."""
    lied = resurrect(honest(0), random.Random(0))
    assert anomalies(lied, AT_MOST_ONCE.forbidden)
    assert not anomalies(lied, AT_LEAST_ONCE.forbidden)
    assert anomalies(lied, AT_LEAST_ONCE.counted)


def replay(events: Events) -> History:
    """A history with these events."""
    history = History()
    for event in events:
        while history.life < event.life:
            history.next_life()
        history.add(
            event.process,
            event.action,
            event.phase,
            event.queue,
            event.message,
            redelivered=event.redelivered,
            unit=event.unit,
        )
    return history


def test_judge_tells_and_dumps(tmp_path: Path) -> None:
    """The verdict counts by kind, names messages, and leaves the whole history as JSON lines."""
    lied = lose(honest(3), random.Random(3))
    with pytest.raises(Mismatch, match=r"got lost 1 \(lost p.:\d+ of q: confirmed") as caught:
        judge(replay(lied), AT_LEAST_ONCE, tmp_path)
    assert caught.value.actual == "lost 1"
    lines = (tmp_path / "history.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["action"] for line in lines] == [event.action for event in lied]


def test_judge_counts(tmp_path: Path) -> None:
    """What a contract leaves open is told, and a clean history leaves nothing to tell."""
    assert judge(replay(honest(4)), AT_LEAST_ONCE, tmp_path) == ""
    lied = resurrect(honest(4), random.Random(4))
    assert judge(replay(lied), AT_LEAST_ONCE, tmp_path) == "resurrected 1"


def test_await_sends() -> None:
    """Waiting ends with the send that was waited for, or with its time."""
    history = History()
    assert not history.await_sends(1, 0.01)
    sends = threading.Thread(target=history.add, args=("p", Action.SEND, Phase.OK, QUEUE, "m"))
    sends.start()
    assert history.await_sends(1, 5.0)
    sends.join()


def delivery(message: str, body: bytes) -> Delivery:
    """A message as it came."""
    return Delivery("basic.get-ok", 1, {}, content(message)[1], b"", body, ())


def test_damage_is_a_phantom() -> None:
    """A message whose body or properties changed is not the one that was sent."""
    body = content("p:1")[0]
    assert identify(delivery("p:1", body)) == "p:1"
    assert identify(delivery("p:1", body + b"x")) == f"p:1, damaged ({len(body) + 1} octets)"
