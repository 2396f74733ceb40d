from typing import Any

import pytest

from reference_broker.protocol.states import SERVER_ONLY, STEPS, UNTRUSTED, Phase
from reference_broker.wire.framing import content_frames, method_frame
from reference_broker.wire.methods import decode_method, encode_method
from reference_broker.wire.spec import CONTENT_METHODS, METHODS
from suites.unit.script import BEFORE, ScriptedSession, opened

LEGAL = {
    (Phase.START, "connection.start-ok"): Phase.TUNE,
    (Phase.TUNE, "connection.tune-ok"): Phase.OPENING,
    (Phase.OPENING, "connection.open"): Phase.OPEN,
    (Phase.OPEN, "connection.close"): Phase.CLOSED,
    (Phase.OPEN, "connection.update-secret"): Phase.OPEN,
    (Phase.CLOSING, "connection.close"): Phase.CLOSING,
    (Phase.CLOSING, "connection.close-ok"): Phase.CLOSED,
}
PAIRS = [(phase, name) for phase in BEFORE for name in METHODS]
CLIENT_METHODS = sorted(
    name
    for name in METHODS
    if not name.startswith("connection.")
    and name not in SERVER_ONLY | CONTENT_METHODS
    and name not in {"channel.open", "channel.close", "basic.ack"}
)
FAILED = "queue.declare"


def arguments_of(name: str) -> dict[str, Any]:
    """What the method's empty form decodes to."""
    return decode_method(encode_method(name)).arguments


def in_phase(phase: Phase) -> ScriptedSession:
    """A connection in that phase."""
    session = ScriptedSession().feed(BEFORE[phase])
    assert session.connection.phase is phase
    session.calls.clear()
    return session


def failed_channel() -> ScriptedSession:
    """A session with a channel 1 that the broker has closed."""
    session = opened(1).feed(method_frame(1, FAILED, queue="soft"))
    assert session.take()[-1] == ("channel failed", 1, 404, METHODS[FAILED].ids)
    return session


@pytest.mark.parametrize(("phase", "name"), PAIRS, ids=lambda part: getattr(part, "name", part))
def test_every_method_in_every_phase(phase: Phase, name: str) -> None:
    """On channel 0 a method is called in its phase, and judged by the phase everywhere else."""
    session = in_phase(phase).feed(method_frame(0, name))
    called = ("method", 0, name, arguments_of(name))
    following = LEGAL.get((phase, name))
    if following is not None:
        ends = [("closed",)] if following is Phase.CLOSED else []
        assert session.calls == [called, *ends]
        assert session.connection.phase is following
    elif phase in UNTRUSTED:
        assert session.calls == [("refuse", b"")]
        assert session.connection.phase is Phase.CLOSED
    elif phase is Phase.OPEN:
        assert session.calls == [("failed", 504, METHODS[name].ids)]
        assert session.connection.phase is Phase.CLOSING
    else:
        assert session.calls == []
        assert session.connection.phase is phase


def test_the_table_holds_these_steps_and_no_others() -> None:
    """The steps that the tests know are all there are."""
    held = {(phase, name): to for phase, steps in STEPS.items() for name, to in steps.items()}
    assert held == LEGAL


@pytest.mark.parametrize("name", METHODS)
def test_every_method_on_an_absent_channel(name: str) -> None:
    """Only channel.open opens a channel; all else is a 504 on the connection."""
    session = opened().feed(method_frame(3, name))
    if name == "channel.open":
        assert session.calls == [("open", 3)]
    else:
        assert session.calls == [("failed", 504, METHODS[name].ids)]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_on_an_open_channel(name: str) -> None:
    """An open channel takes a client's methods; a server's are 503, a second open 504."""
    session = opened(3).feed(method_frame(3, name))
    ids = METHODS[name].ids
    if name in CLIENT_METHODS:
        assert session.calls == [("method", 3, name, arguments_of(name))]
    elif name == "basic.ack":
        assert session.calls == [("ack", 3, 0, False)]
    elif name in CONTENT_METHODS:
        assert session.calls == []  # its content comes first
    elif name == "channel.close":
        assert session.calls == [("gone", 3, True)]
    else:
        assert session.calls == [("failed", 504 if name == "channel.open" else 503, ids)]


def test_no_method_of_the_server_alone_is_taken() -> None:
    """Of all -ok methods a client sends only these two; the session judges whether in turn."""
    oks = {name for name in CLIENT_METHODS if name.endswith("-ok")}
    assert oks == {"channel.close-ok", "channel.flow-ok"}


@pytest.mark.parametrize("name", sorted(CONTENT_METHODS - {"basic.publish"}))
def test_contents_that_only_a_server_sends(name: str) -> None:
    """A client's return or get-ok is 503 once its content is there; its deliver is ignored."""
    session = opened(3).feed(method_frame(3, name), content_frames(3, b"body"))
    if name == "basic.deliver":
        session.feed(method_frame(3, "tx.select"))
        assert session.calls == [("method", 3, "tx.select", {})]
    else:
        assert session.calls == [("failed", 503, METHODS[name].ids)]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_while_content_is_awaited(name: str) -> None:
    """Between a publish and its header any method is 505, whatever it is."""
    session = opened(3).feed(method_frame(3, "basic.publish"), method_frame(3, name))
    assert session.calls == [("failed", 505, (60, 40))]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_on_a_closing_channel(name: str) -> None:
    """After the broker's Close all is dropped but Close-Ok, which frees the number, and Close."""
    session = failed_channel().feed(method_frame(1, name))
    expected = {
        "channel.close-ok": [("gone", 1, False)],
        "channel.close": [("gone", 1, True)],
    }.get(name, [])
    assert session.calls == expected
    session.feed(method_frame(1, "channel.open"))
    reopened = name == "channel.close-ok"
    assert session.calls == [*expected, *([("open", 1)] if reopened else [])]


def test_a_closing_channel_drops_content() -> None:
    """Frames of a content that was under way when the broker closed the channel are dropped."""
    session = failed_channel()
    for kind in (2, 3):
        session.feed(bytes((kind, 0, 1, 0, 0, 0, 1, 0x55, 0xCE)))
    session.feed(method_frame(1, "channel.close-ok"))
    assert session.calls == [("gone", 1, False)]
