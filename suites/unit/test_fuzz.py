import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reference_broker.broker.vhost import VHost
from reference_broker.memcacheq.queues import Queues
from reference_broker.session import topology
from reference_broker.session.channel import HANDLERS
from reference_broker.wire.framing import method_frame
from suites.fuzz import octets, parts
from suites.fuzz.__main__ import main
from suites.fuzz.answers import Answers, IllegalAnswerError, judge_text
from suites.fuzz.finding import CORPUS, part_of, shrink
from suites.fuzz.world import BrokenError

FINDINGS = sorted(CORPUS.glob("*.hex"))
START = method_frame(0, "connection.start")


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What the broker logs of bad input is not what is looked at."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: path.stem)
def test_what_was_found_once_is_mended(path: Path) -> None:
    """Every finding of the corpus, fed to the broker again, does no harm."""
    parts.replay(part_of(path), octets.read(path)[1])


@pytest.mark.parametrize("name", [name for name in parts.PARTS if name != parts.SOCKETS])
def test_a_little_of_each_part(name: str) -> None:
    """A few thousand frames of each kind find nothing."""
    assert parts.run(name, 2000, seed=1) is None


def test_cases_repeat() -> None:
    """The same seed makes the same octets."""
    first, second = parts.Amqp(), parts.Amqp()
    for case in ("1/0", "1/1", "1/2"):
        first.run(case)
        second.run(case)
        assert first.writes == second.writes
        assert first.writes


def crash(*_channel: Any, **_arguments: Any) -> None:
    """A handler with a bug."""
    raise KeyError("a bug")


def test_an_exception_is_found_and_shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in one method is found, told, and cut down to its way there."""
    monkeypatch.setitem(HANDLERS, "queue.purge", crash)
    found = parts.run("amqp", 20_000, seed=1)
    assert found is not None
    assert found.told == "KeyError: 'a bug'"
    assert len(b"".join(found.writes)) < 500
    with pytest.raises(BrokenError, match="a bug"):
        parts.replay("amqp", found.writes)


def test_what_a_connection_leaves_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exclusive queue that outlives its connection is a finding."""
    monkeypatch.setattr(VHost, "drop_owner", lambda _vhost, _owner: None)
    found = parts.run("amqp", 20_000, seed=1)
    assert found is not None
    assert "outlives the connection that owned it" in found.told


def test_what_the_canary_does_not_get_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Harm to another connection is a finding."""

    def purge_all(channel: Any, queue: str, no_wait: bool) -> None:
        for held in channel.session.vhost.queues.values():
            for consumer in list(held.consumers):
                held.remove_consumer(consumer)
        topology.queue_purge(channel, queue, no_wait)

    monkeypatch.setitem(HANDLERS, "queue.purge", purge_all)
    found = parts.run("amqp", 20_000, seed=1)
    assert found is not None
    assert found.told.startswith("the canary got")


def test_a_text_command_with_a_bug_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for the text protocol."""
    monkeypatch.setattr(Queues, "depths", crash)
    found = parts.run("memcacheq-standard", 60_000, seed=1)
    assert found is not None
    assert b"stats queue" in b"".join(found.writes)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (method_frame(0, "connection.start-ok"), "no server's to say"),
        (method_frame(1, "queue.declare-ok"), "not open"),
        (method_frame(1, "connection.blocked"), "on channel 1"),
        (method_frame(0, "connection.close", reply_code=999), "the code 999"),
        (method_frame(0, "connection.close", reply_code=541, class_id=7), "no method"),
        (method_frame(0, "connection.close", reply_code=541) + START, "after connection.close"),
        (method_frame(0, "connection.close-ok") + START, "after the last word"),
        (b"\x01\x00\x00\x00\x00\x00\x01\x00\x00", "garbage"),
    ],
)
def test_illegal_answers_are_found(answer: bytes, complaint: str) -> None:
    """What no broker may say is told apart from what it may."""
    answers = Answers()
    answers.feed(START)
    with pytest.raises(IllegalAnswerError, match=complaint):
        answers.feed(answer)


@pytest.mark.parametrize(
    "replies",
    [b"STORE\r\n", b"END", b"VALUE k 0 3\r\nab\r\nEND\r\n", b"SERVER_ERROR internal error\r\n"],
)
def test_illegal_replies_are_found(replies: bytes) -> None:
    """A reply that is torn, unknown or an admission is a finding."""
    judge_text(b"VALUE k -1 2\r\nab\r\nEND\r\nSTAT q 1/2\r\n17\r\n")
    with pytest.raises(IllegalAnswerError):
        judge_text(replies)


def test_shrinking() -> None:
    """What remains is what is needed, in order."""
    writes = [b"xxaxx", b"yy", b"zbz", b"y"]

    def fails(candidate: list[bytes]) -> bool:
        return {*b"ab"} <= {*b"".join(candidate)}

    assert shrink(writes, fails) == [b"a", b"b"]


def test_octets_keep(tmp_path: Path) -> None:
    """Files of octets read back as they were written."""
    writes = [b"a", bytes(range(256)), b"\xff" * 48]
    octets.write(tmp_path / "x.hex", "What it is — é", writes)
    assert octets.read(tmp_path / "x.hex")[1] == writes


def test_the_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It says its seed and that nothing was found; else where the finding is, and fails."""
    words = ["--frames", "2000", "--seed", "5", "--only", "amqp"]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert told.startswith("seed 5\n")
    assert "nothing found in 2,000 frames with seed 5" in told
    monkeypatch.setattr("suites.fuzz.finding.Finding.keep", lambda _found: "(kept)")
    monkeypatch.setitem(HANDLERS, "basic.get", crash)
    assert main(words) == 1
    told = capsys.readouterr().out
    assert "KeyError: 'a bug'\nkept as (kept)\nagain: nox -s fuzz -- --frames 2000" in told
