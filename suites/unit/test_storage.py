"""The durable store through its own interface: what a kill leaves after which commit."""

import random
from pathlib import Path
from typing import Any

import pytest

from reference_broker.broker.access import Permission, TopicPermission
from reference_broker.broker.message import Message
from reference_broker.broker.passwords import hash_password
from reference_broker.broker.policy import Policy
from reference_broker.broker.ports import StoreError
from reference_broker.broker.queue import Queue
from suites.unit.doubles import body_of, message
from suites.unit.stores import Kept, as_killed, contents, left_in, opened, queue_of

SEEDS = range(25)
STEPS = 150


def persistent(body: bytes) -> Message:
    """A message that is to be kept."""
    return message(body, delivery_mode=2)


def take(queue: Queue) -> tuple[int, Message]:
    """The first message, which is out now, and its position."""
    taken = queue.take()
    assert taken is not None
    return taken[:2]


def test_nothing_is_kept_before_the_commit(tmp_path: Path) -> None:
    """A directory looks the same until commit returns, and has everything afterwards."""
    folder = tmp_path / "data"
    with opened(folder) as (store, broker):
        queue = queue_of(broker)
        store.commit()
        pending = [store.pending]
        for number in range(3):
            queue.put(persistent(b"%d" % number))
        pending.append(store.pending)
        before = as_killed(folder)
        store.commit()
        pending.append(store.pending)
        after = as_killed(folder)
    assert pending == [False, True, False]
    assert left_in(before) == []
    assert left_in(after) == [(b"0", False), (b"1", False), (b"2", False)]


def test_topology_is_kept_by_the_same_commit(tmp_path: Path) -> None:
    """A declared queue is not there before its commit either."""
    folder = tmp_path / "data"
    with opened(folder) as (store, broker):
        queue_of(broker)
        before = as_killed(folder)
        store.commit()
        after = as_killed(folder)
    with opened(before) as kept:
        assert kept.broker.vhosts == {}
    with opened(after) as kept:
        assert list(kept.broker.vhosts["/"].queues) == ["q"]


def test_transient_messages_are_not_kept(tmp_path: Path) -> None:
    """Only persistent messages come back, in their order."""
    with opened(tmp_path) as (_store, broker):
        queue = queue_of(broker)
        for number in range(6):
            queue.put(message(b"%d" % number, delivery_mode=1 + number % 2))
    assert left_in(tmp_path) == [(b"1", False), (b"3", False), (b"5", False)]


def test_what_was_out_is_flagged(tmp_path: Path) -> None:
    """Of a queue that was partly taken, partly acked, the rest comes back in its old order."""
    with opened(tmp_path) as (store, broker):
        queue = queue_of(broker)
        for number in range(5):
            queue.put(persistent(b"%d" % number))
        store.commit()
        taken = [take(queue) for _ in range(4)]
        queue.settle(*taken[1])
        queue.requeue([taken[2]])
    expected = [(b"0", True), (b"2", True), (b"3", True), (b"4", False)]
    assert left_in(tmp_path) == expected
    assert [body for body, _flag in left_in(tmp_path)] == [b"0", b"2", b"3", b"4"]


def test_positions_go_on_after_a_restart(tmp_path: Path) -> None:
    """What is published after a restart stands behind what was there, over several restarts."""
    for life in range(4):
        with opened(tmp_path) as (_store, broker):
            queue = queue_of(broker)
            for number in range(2):
                queue.put(persistent(b"%d%d" % (life, number)))
            queue.settle(*take(queue))
    bodies = [body for body, _flag in left_in(tmp_path)]
    assert bodies == [b"20", b"21", b"30", b"31"]


def test_an_emptied_queue_starts_where_it_ended(tmp_path: Path) -> None:
    """New messages of a queue that was emptied before a restart are not taken for old ones."""
    with opened(tmp_path) as (_store, broker):
        queue = queue_of(broker)
        for _ in range(3):
            queue.put(persistent(b"old"))
        while (taken := queue.take()) is not None:
            queue.settle(taken[0], taken[1])
    with opened(tmp_path) as (_store, broker):
        queue_of(broker).put(persistent(b"new"))
    assert left_in(tmp_path) == [(b"new", False)]


@pytest.mark.parametrize("committed", [False, True])
def test_purge(tmp_path: Path, committed: bool) -> None:
    """Purged messages stay gone, those that are out stay, whether committed before or not."""
    with opened(tmp_path) as (store, broker):
        queue = queue_of(broker)
        for number in range(4):
            queue.put(persistent(b"%d" % number))
        if committed:
            store.commit()
        take(queue)
        queue.requeue([take(queue)])
        assert queue.purge() == 3
        queue.put(persistent(b"new"))
    assert left_in(tmp_path) == [(b"0", True), (b"new", False)]


@pytest.mark.parametrize("committed", [False, True])
def test_a_deleted_queue_stays_deleted(tmp_path: Path, committed: bool) -> None:
    """A queue of the same name, declared afterwards, is empty; also within one commit."""
    with opened(tmp_path) as (store, broker):
        queue = queue_of(broker)
        queue.put(persistent(b"old"))
        if committed:
            store.commit()
        broker.vhosts["/"].delete_queue(queue)
        queue_of(broker).put(persistent(b"new"))
    assert left_in(tmp_path) == [(b"new", False)]


def test_a_number_that_is_used_again_leads_to_nobody_elses_messages(tmp_path: Path) -> None:
    """What still comes for a queue that is gone does not touch the one that has its number now."""
    with opened(tmp_path) as (store, broker):
        gone = queue_of(broker)
        for _ in range(3):
            gone.put(persistent(b"old"))
        store.commit()
        early, late = take(gone), take(gone)
        gone.settle(*early)
        broker.vhosts["/"].delete_queue(gone)
        queue_of(broker).put(persistent(b"at once"))
        store.commit()
        queue = queue_of(broker, "r")
        queue.put(persistent(b"later"))
        queue.put(persistent(b"later still"))
        store.commit()
        gone.settle(*late)
        gone.purge()
        store.commit()
        numbers = [number for (number,) in store.rows("select number from queues order by number")]
    assert numbers == [1, 2]
    assert left_in(tmp_path) == [(b"at once", False)]
    assert left_in(tmp_path, "r") == [(b"later", False), (b"later still", False)]


def test_one_queue_too_many_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than that two queues share messages."""
    monkeypatch.setattr("reference_broker.storage.sqlite.MAX_QUEUES", 1)
    with opened(tmp_path) as (_store, broker):
        queue_of(broker)
        with pytest.raises(StoreError, match="holds no more than 1 queues at once"):
            queue_of(broker, "r")


def test_a_message_that_never_rested_is_never_written(tmp_path: Path) -> None:
    """Put, taken and settled in one turn: nothing of it is in the directory."""
    with opened(tmp_path) as (store, broker):
        queue = queue_of(broker)
        store.commit()
        queue.put(persistent(b"secret" * 100))
        queue.settle(*take(queue))
        store.commit()
        killed = as_killed(tmp_path)
    assert all(b"secret" not in file.read_bytes() for file in killed.iterdir())


def test_topology_comes_back_equal(tmp_path: Path) -> None:
    """Exchanges, queues and bindings with arguments of every kind; users with permissions."""
    arguments: dict[str, Any] = {
        "x-max-length": 2**40,
        "text": "é",
        "list": [1, True],
        "none": None,
    }
    with opened(tmp_path) as kept:
        build_topology(kept, arguments)
        seen = describe(kept)
    with opened(tmp_path) as kept:
        assert describe(kept) == seen


def build_topology(kept: Kept, arguments: dict[str, Any]) -> None:
    """Something of everything."""
    broker = kept.broker
    user = broker.add_user("eve", hash_password("secret"), {"administrator", "monitoring"})
    vhost = broker.add_vhost("ü/other")
    broker.permit(user, "ü/other", Permission("^a", "^b", "^c"))
    user.topics["ü/other", "e.topic"] = TopicPermission("^w", "^r")
    user.limits["max-channels"] = 3
    broker.rights_changed(user, "ü/other")
    vhost.description, vhost.tags, vhost.limits = "another", ["x"], {"max-queues": 9}
    broker.set_policy(vhost, Policy("p", "^q", {"max-length": 7}, 1, "queues"))
    broker.set_policy(vhost, Policy("o", ".*", {"message-ttl": 7}), operator=True)
    queue = vhost.declare_queue(
        "q☃",
        durable=True,
        auto_delete=True,
        owner=None,
        arguments={"x-max-length": 5},
    )
    made = [
        vhost.declare_exchange(
            f"e.{kind}",
            kind,
            durable=True,
            auto_delete=kind == "fanout",
            internal=kind == "topic",
            arguments={"alternate-exchange": "amq.fanout"} if kind == "topic" else {},
        )
        for kind in ("direct", "fanout", "topic", "headers")
    ]
    for exchange in made:
        vhost.bind(exchange, queue, "a.*.ключ", {} if exchange.type != "headers" else arguments)
        vhost.bind(exchange, queue, "", {"x-match": "any"} if exchange.type == "headers" else {})
    vhost.bind(made[0], made[1], "onward", arguments)


def describe(kept: Kept) -> object:
    """All that can be seen of a broker's durable things."""
    users = {
        name: (user.password_hash, sorted(user.tags), user.permissions, user.topics, user.limits)
        for name, user in kept.broker.access.users.items()
    }
    vhosts = {}
    for name, vhost in kept.broker.vhosts.items():
        exchanges = {
            e.name: (e.traits, sorted(str(key) for key in e.bindings))
            for e in vhost.exchanges.values()
        }
        queues = {q.name: (q.traits, q.limits, len(q)) for q in vhost.queues.values()}
        settings = (vhost.description, vhost.tags, vhost.limits, vhost.policies)
        vhosts[name] = exchanges, queues, settings
    return users, vhosts


@pytest.mark.parametrize("seed", SEEDS)
def test_random_lives(tmp_path: Path, seed: int) -> None:
    """Whatever is done to a queue, a kill leaves exactly what the last commit had, in order."""
    rng = random.Random(seed)  # noqa: S311  data for a test
    folder = tmp_path / "data"
    for _life in range(3):
        with opened(folder) as kept:
            queue_of(kept.broker)
            kept.store.commit()
            expected = live(kept, rng)
            folder = as_killed(folder)
        assert_left(folder, expected)


def live(kept: Kept, rng: random.Random) -> list[tuple[bytes, bool]]:
    """Do this and that; what a kill now has to leave: bodies, and whether each was out."""
    queue = kept.broker.vhosts["/"].queues["q"]
    seen: set[bytes] = set()
    line = [(body_of(m), flag) for _rank, _position, m, flag in sorted(queue._heap)]  # noqa: SLF001  to look without taking
    seen.update(body for body, flag in line if flag)
    order = [body for body, _flag in line]
    out: dict[bytes, tuple[int, Message]] = {}
    committed: list[tuple[bytes, bool]] = line
    for _ in range(STEPS):
        step = rng.random()
        if step < 0.4:
            body = b"%x" % rng.getrandbits(64)
            order.append(body)
            queue.put(persistent(body))
        elif step < 0.6 and (taken := queue.take()) is not None:
            out[body_of(taken[1])] = taken[:2]
            seen.add(body_of(taken[1]))
        elif step < 0.75 and out:
            body = rng.choice(sorted(out))
            queue.settle(*out.pop(body))
            order.remove(body)
        elif step < 0.85 and out:
            queue.requeue([out.pop(rng.choice(sorted(out)))])
        elif step < 0.87:
            queue.purge()
            order = [body for body in order if body in out]
        elif step < 0.95:
            kept.store.commit()
            committed = [(body, body in seen) for body in order]
    return committed


def assert_left(folder: Path, expected: list[tuple[bytes, bool]]) -> None:
    """The same bodies in the same order; whatever was out is flagged."""
    with opened(as_killed(folder)) as kept:
        found = contents(kept.broker.vhosts["/"].queues["q"])
    assert found == expected
