import json
import threading
from pathlib import Path

import pytest

from suites.clients.received import Delivery
from suites.durability.checkers import CHECKERS, Kind
from suites.durability.contents import content, identify
from suites.durability.contracts import AT_LEAST_ONCE, AT_MOST_ONCE, anomalies, judge
from suites.durability.history import Action, History, Phase
from suites.unit.histories import LIES, QUEUE, Events, Lie, honest, lose, resurrect, seeded
from suites.verify import Mismatch

SEEDS = range(20)


@pytest.mark.parametrize("seed", SEEDS)
def test_honest(seed: int) -> None:
    """An honest history has no anomaly of any kind."""
    assert anomalies(honest(seed), frozenset(Kind)) == []


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("lie", "kind"), LIES, ids=[lie.__name__ for lie, _kind in LIES])
def test_lie(lie: Lie, kind: Kind, seed: int) -> None:
    """Each lie is found, as what it is."""
    found = anomalies(lie(honest(seed), seeded(seed)), frozenset(Kind))
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
    assert {anomaly.kind for anomaly in found} == {Kind.DOUBLED, Kind.UNFLAGGED, Kind.RESURRECTED}


def test_contract_is_data() -> None:
    """A resurrected message breaks one contract, and is only counted by the other."""
    lied = resurrect(honest(0), seeded(0))
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
    lied = lose(honest(3), seeded(3))
    with pytest.raises(Mismatch, match=r"got lost 1 \(lost p.:\d+ of q: confirmed") as caught:
        judge(replay(lied), AT_LEAST_ONCE, tmp_path)
    assert caught.value.actual == "lost 1"
    lines = (tmp_path / "history.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["action"] for line in lines] == [event.action for event in lied]


def test_judge_counts(tmp_path: Path) -> None:
    """What a contract leaves open is told, and a clean history leaves nothing to tell."""
    assert judge(replay(honest(4)), AT_LEAST_ONCE, tmp_path) == ""
    lied = resurrect(honest(4), seeded(4))
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
