from collections.abc import Callable

import pytest

from reference_broker.wire.framing import method_frame
from reference_broker.wire.methods import Method
from suites.brokers.base import Endpoint
from suites.harness import names
from suites.harness.names import Janitor, Names
from suites.unit.liar import Last, Liar

Answer = Callable[[str], bytes]
Deleted = list[tuple[str, str]]


def in_order(kind: str) -> bytes:
    """The reply of a broker that deletes."""
    return method_frame(1, f"{kind}.delete-ok")


def locked(kind: str) -> bytes:
    """The reply of a broker that refuses to delete a queue, and only that."""
    refusal = method_frame(1, "channel.close", reply_code=405, reply_text="RESOURCE_LOCKED")
    return refusal if kind == "queue" else in_order(kind)


def cleaned(answer: Answer) -> tuple[bool, Deleted]:
    """What `clean` gave, and what a server that answers so was asked to delete."""
    deleted: Deleted = []

    def script(method: Method) -> bytes:
        kind = method.name.partition(".")[0]
        deleted.append((kind, method.arguments[kind]))
        return answer(kind)

    janitor = Janitor()
    with Liar(script) as liar:
        given = Names(liar.endpoint, janitor, "test_it")
        given.adopt("exchange", "x")
        given.adopt("queue", "q1")
        given.adopt("queue", "q2")
        clean = given.clean()
        given.clean()
        janitor.close()
    return clean, deleted


def test_names_are_unique_and_tell_the_test() -> None:
    """A leftover on a broker shows which test left it."""
    given = Names(Endpoint("127.0.0.1", 1), Janitor(), "test_it[a/b c]")
    first, second = given(), given("exchange", prefix="limited-")
    assert first.startswith("mqproof.test_it-a-b-c.")
    assert second.startswith("limited-mqproof.test_it-a-b-c.")
    assert first != second
    with pytest.raises(ValueError, match="names are for queue and exchange"):
        given("binding")


@pytest.mark.parametrize("answer", [in_order, locked])
def test_everything_is_deleted_once_queues_first(answer: Answer) -> None:
    """A refusal does not keep the rest from being deleted."""
    assert cleaned(answer) == (True, [("queue", "q1"), ("queue", "q2"), ("exchange", "x")])


def test_an_end_of_the_connection_is_tolerated() -> None:
    """The next deletion opens a connection of its own."""
    clean, deleted = cleaned(lambda _kind: Last())
    assert clean
    assert len(deleted) == 3


def test_silence_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that answers nothing may hang: no more is asked of it."""
    monkeypatch.setattr(names, "JANITOR_TIMEOUT", 0.1)
    assert cleaned(lambda _kind: b"") == (False, [("queue", "q1")])


def test_no_broker_is_tolerated() -> None:
    """What died in the test needs no cleaning."""
    with Liar(lambda _method: b"") as liar:
        pass
    given = Names(liar.endpoint, Janitor(), "test_it")
    given()
    assert given.clean()
