"""A store that is slow, or fails: what is said before, and that nothing is said after."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from reference_broker import RunningBroker, running
from reference_broker.broker.ports import StoreError
from reference_broker.storage.sqlite import SqliteStore
from reference_broker.wire.framing import content_frames, method_frame
from suites.brokers.base import Endpoint
from suites.clients.raw import RawClient
from suites.unit.stores import as_killed, left_in
from suites.verify import Mismatch

SOON = 10.0  # seconds; far more than anything here takes on a busy machine
KEPT: dict[str, Any] = {"delivery_mode": 2}
FULL = "database or disk is full"


def client_of(broker: RunningBroker) -> RawClient:
    """A client with channel 1 open."""
    client = RawClient.open(Endpoint(broker.host, broker.port))
    client.timeout = SOON
    client.open_channel(1)
    return client


class FullDisk:
    """A database whose transactions can be filled, but not committed."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        """Run the statement, unless it is a commit."""
        if statement == "commit":
            raise sqlite3.OperationalError(FULL)
        return self._database.execute(statement, *values)


class Gate:
    """Stands before every commit while it is shut; `commits` counts those that were made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.commits = 0
        self.reached = threading.Event()
        self.full = False
        self._open = threading.Event()
        self._open.set()
        self._commit = SqliteStore.commit
        monkeypatch.setattr(SqliteStore, "commit", self._method())

    def _method(self) -> Callable[[SqliteStore], None]:
        def commit(store: SqliteStore) -> None:
            self._pass(store)

        return commit

    def _pass(self, store: SqliteStore) -> None:
        self.reached.set()
        assert self._open.wait(SOON)
        if self.full:
            store._db = FullDisk(store._db)  # type: ignore[assignment]  # noqa: SLF001  a double
        self._commit(store)
        self.commits += 1

    @contextmanager
    def shut(self) -> Iterator[None]:
        """Commits wait until the block ends."""
        self._open.clear()
        self.reached.clear()
        try:
            yield
        finally:
            self._open.set()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """A gate before the commits of every broker in this process."""
    return Gate(monkeypatch)


def publish(client: RawClient) -> None:
    """A persistent message to the queue q, on a channel in whatever mode."""
    client.publish(1, "", "q", b"kept", **KEPT)


def commit_transaction(client: RawClient) -> None:
    """A transaction with such a message."""
    client.call(1, "tx.select")
    publish(client)
    client.send(1, "tx.commit")


def commit_and_leave(client: RawClient) -> None:
    """Everything in one segment: publish, tx.commit, connection.close."""
    client.call(1, "tx.select")
    client.send_bytes(
        method_frame(1, "basic.publish", routing_key="q")
        + content_frames(1, b"kept", KEPT)
        + method_frame(1, "tx.commit")
        + method_frame(0, "connection.close", reply_code=200)
    )


def publish_confirmed(client: RawClient) -> None:
    """A publish on a confirming channel."""
    client.call(1, "confirm.select")
    publish(client)


def declare(client: RawClient) -> None:
    """A second durable queue."""
    client.send(1, "queue.declare", queue="other", durable=True)


PROMISES = [
    (publish_confirmed, "basic.ack"),
    (commit_transaction, "tx.commit-ok"),
    (commit_and_leave, "tx.commit-ok"),
    (declare, "queue.declare-ok"),
]
promises = pytest.mark.parametrize(
    ("ask", "promise"), PROMISES, ids=[ask.__name__ for ask, _promise in PROMISES]
)

Ask = Callable[[RawClient], None]


def heard(client: RawClient) -> bool:
    """Whether the broker has written anything that the client did not read."""
    return not client.link.alive()


@promises
def test_the_promise_waits_for_the_commit(
    gate: Gate, tmp_path: Path, ask: Ask, promise: str
) -> None:
    """While the commit is under way nothing is heard; when it is made, the promise comes."""
    with running(data_dir=tmp_path) as broker, client_of(broker) as client:
        client.call(1, "queue.declare", queue="q", durable=True)
        with gate.shut():
            ask(client)
            # The loop stands in the commit: whatever it wanted to write before is written.
            assert gate.reached.wait(SOON)
            assert not heard(client)
        client.expect(1, promise)
    if ask is not declare:
        assert left_in(tmp_path) == [(b"kept", False)]


@promises
def test_no_promise_after_a_failure(gate: Gate, tmp_path: Path, ask: Ask, promise: str) -> None:
    """When the commit fails, the connection is closed with 541 and its promise never comes."""
    with (  # noqa: PT012  the failure shows when the broker ends
        pytest.raises(StoreError, match=FULL),
        running(data_dir=tmp_path) as broker,
        client_of(broker) as client,
    ):
        client.call(1, "queue.declare", queue="q", durable=True)
        gate.full = True
        ask(client)
        said = listen(client)
        assert promise not in said
        assert said[-1] == "socket closed"
        assert ask is commit_and_leave or "connection.close 541" in said
    gate.full = False
    assert left_in(tmp_path) == []


def listen(client: RawClient) -> list[str]:
    """All that comes up to the end, `socket closed` or `silence`; a Close is answered."""
    said: list[str] = []
    try:
        while True:
            said.append(str(client.read_method()))
            if said[-1].startswith("connection.close "):
                client.send(0, "connection.close-ok")
    except Mismatch as end:
        return [*said, end.actual]


def test_all_connections_are_told(gate: Gate, tmp_path: Path) -> None:
    """Also those that had nothing to do with the failure, consumers among them."""
    with (  # noqa: PT012  the failure shows when the broker ends
        pytest.raises(StoreError, match=FULL),
        running(data_dir=tmp_path) as broker,
        client_of(broker) as publisher,
        client_of(broker) as consumer,
    ):
        publisher.call(1, "queue.declare", queue="q", durable=True)
        consumer.consume(1, "q")
        gate.full = True
        publish_confirmed(publisher)
        for client in (publisher, consumer):
            client.expect_connection_close(541)
    gate.full = False
    assert left_in(tmp_path) == []


def test_what_was_confirmed_before_stays(gate: Gate, tmp_path: Path) -> None:
    """A failure takes nothing with it that was promised."""
    with (  # noqa: PT012  the failure shows when the broker ends
        pytest.raises(StoreError, match=FULL),
        running(data_dir=tmp_path) as broker,
        client_of(broker) as client,
    ):
        client.call(1, "queue.declare", queue="q", durable=True)
        client.call(1, "confirm.select")
        for _ in range(3):
            publish(client)
            client.expect(1, "basic.ack")
        gate.full = True
        publish(client)
        client.expect_connection_close(541)
    gate.full = False
    assert left_in(tmp_path) == [(b"kept", False)] * 3


def test_a_commit_serves_all_that_waits(gate: Gate, tmp_path: Path) -> None:
    """What comes while one commit is under way is made durable by one more, whoever sent it."""
    with running(data_dir=tmp_path) as broker:
        clients = [client_of(broker) for _ in range(5)]
        clients[0].call(1, "queue.declare", queue="q", durable=True)
        for client in clients:
            client.call(1, "confirm.select")
        with gate.shut():
            publish(clients[0])
            assert gate.reached.wait(SOON)
            before = gate.commits
            for client in clients[1:]:
                for _ in range(10):
                    publish(client)
        for client, count in zip(clients, (1, 10, 10, 10, 10), strict=True):
            while client.expect(1, "basic.ack")["delivery_tag"] < count:
                pass
        assert gate.commits - before == 2
        for client in clients:
            client.close()


def test_a_transaction_is_one_commit(gate: Gate, tmp_path: Path) -> None:
    """Also when its messages go straight to a consumer, and more than any buffer holds."""
    folder = tmp_path / "data"
    with running(data_dir=folder) as broker, client_of(broker) as consumer:
        consumer.call(1, "queue.declare", queue="q", durable=True)
        consumer.consume(1, "q")
        with client_of(broker) as publisher:
            publisher.call(1, "tx.select")
            for _ in range(10):
                publisher.publish(1, "", "q", bytes(100_000), **KEPT)
            publisher.sync(1)
            before = gate.commits
            with gate.shut():
                publisher.send(1, "tx.commit")
                assert gate.reached.wait(SOON)
                # Whatever stood in the way of the first commit is all that a kill now leaves.
                halfway = as_killed(folder)
            publisher.expect(1, "tx.commit-ok")
            whole = as_killed(folder)
            commits = gate.commits - before
    assert left_in(halfway) == []
    assert len(left_in(whole)) == 10
    assert commits == 1


def test_a_failing_timer(gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that fails where no client asked, when a queue expires, stops the broker too."""
    del gate

    def refuse(_store: SqliteStore, _number: int) -> None:
        raise StoreError("the disk is gone")

    with (  # noqa: PT012  the failure shows when the broker ends
        pytest.raises(StoreError, match="the disk is gone"),
        running(data_dir=tmp_path) as broker,
        client_of(broker) as client,
    ):
        arguments = {"x-expires": 1}
        monkeypatch.setattr(SqliteStore, "drop_queue", refuse)
        client.call(1, "queue.declare", queue="q", durable=True, arguments=arguments)
        client.expect_connection_close(541)


def test_a_failure_when_a_client_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Likewise when the end of a connection deletes a queue; the others are told."""

    def refuse(_store: SqliteStore, _number: int) -> None:
        raise StoreError("the disk is gone")

    with (  # noqa: PT012  the failure shows when the broker ends
        pytest.raises(StoreError, match="the disk is gone"),
        running(data_dir=tmp_path) as broker,
        client_of(broker) as witness,
        client_of(broker) as leaver,
    ):
        leaver.call(1, "queue.declare", queue="q", durable=True, auto_delete=True)
        leaver.consume(1, "q")
        monkeypatch.setattr(SqliteStore, "drop_queue", refuse)
        leaver.link.reset()
        witness.expect_connection_close(541)
