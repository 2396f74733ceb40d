import selectors
import socket
import sys
import time
from collections.abc import Iterator

import pytest

from reference_broker.server.listening import StartError
from reference_broker.server.waiting import EVENT_LOOPS, EagerSelector, event_loop
from suites.bench import frames, usage
from suites.bench.wire import Wire
from suites.brokers import registry
from suites.brokers.local import LocalBroker

READY = [(selectors.SelectorKey(0, 0, selectors.EVENT_READ, None), selectors.EVENT_READ)]


class Script:
    """What the system answers to each look or sleep, and the timeouts that it was asked with."""

    def __init__(self) -> None:
        self.asked: list[float | None] = []
        self.looks_in_vain = 0
        self.now = 0.0
        self.preempted = 0
        self.sleep = 0.00005  # seconds that a sleep takes

    def __call__(
        self, _selector: selectors.BaseSelector, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        """Stand in for `selectors.DefaultSelector.select`."""
        self.asked.append(timeout)
        if timeout == 0:
            self.looks_in_vain -= 1
            return [] if self.looks_in_vain >= 0 else READY
        self.now += self.sleep
        return READY


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """Answers in the place of the system's selector."""
    script = Script()
    monkeypatch.setattr(
        selectors.DefaultSelector, "select", lambda self, timeout=None: script(self, timeout)
    )
    return script


@pytest.fixture
def selector(script: Script) -> Iterator[EagerSelector]:
    """One that has seen nothing yet, with the script's clock."""
    with EagerSelector(lambda: script.now, lambda: script.preempted) as selector:
        yield selector


def test_it_sleeps_at_first(script: Script, selector: EagerSelector) -> None:
    """Without experience nothing is spent on looking."""
    assert selector.select(5) == READY
    assert script.asked == [5]


def test_it_looks_once_a_sleep_was_short(script: Script, selector: EagerSelector) -> None:
    """A client that is back at once is worth a look, and the sleep is spared."""
    selector.select(5)
    script.asked.clear()
    script.looks_in_vain = 3
    assert selector.select(5) == READY
    assert script.asked == [0, 0, 0, 0]


def test_it_gives_up_looking(script: Script, selector: EagerSelector) -> None:
    """Looks that are always in vain end soon, and long sleeps do not bring them back."""
    selector.select(5)
    script.sleep = 0.001
    script.looks_in_vain = 10**6
    for _ in range(10):
        assert selector.select(5) == READY
    script.asked.clear()
    assert selector.select(None) == READY
    assert script.asked == [None]


def test_it_leaves_off_where_others_want_the_processor(
    script: Script, selector: EagerSelector
) -> None:
    """Once a look in vain has ended in a preemption, it takes many short sleeps to look again."""
    selector.select(5)
    script.looks_in_vain = 10**6
    script.preempted = 1
    selector.select(5)
    script.asked.clear()
    for _ in range(50):
        assert selector.select(5) == READY
    assert script.asked == [5] * 50
    for _ in range(100):
        assert selector.select(5) == READY
    assert 0 in script.asked


def test_it_never_waits_when_told_not_to(script: Script, selector: EagerSelector) -> None:
    """A timeout of 0 or less is one look, whatever was learned before."""
    selector.select(5)
    script.asked.clear()
    script.looks_in_vain = 100
    for timeout in (0, -1):
        assert selector.select(timeout) == []
    assert script.asked == [0, 0]


def test_it_tells_what_is_ready() -> None:
    """With real sockets: nothing within the timeout, then what has come, again and again."""
    left, right = socket.socketpair()
    with left, right, EagerSelector() as selector:
        selector.register(right, selectors.EVENT_READ)
        begun = time.monotonic()
        assert selector.select(0.01) == []
        assert time.monotonic() - begun >= 0.01
        for _ in range(100):
            left.send(b"x")
            assert [key.fileobj for key, _events in selector.select(5)] == [right]
            right.recv(1)


@pytest.mark.parametrize("kind", EVENT_LOOPS)
def test_each_loop_runs(kind: str) -> None:
    """It is an event loop like any other."""
    loop = event_loop(kind)()
    try:
        assert loop.run_until_complete(loop.run_in_executor(None, int, "7")) == 7
    finally:
        loop.close()


@pytest.mark.parametrize("kind", EVENT_LOOPS)
def test_a_broker_serves_with_each_loop(kind: str) -> None:
    """From the command line: handshake, a queue, a message through it."""
    with registry.parse(f"reference:event-loop={kind}") as broker:
        wire = Wire(broker.endpoint)
        wire.open()
        wire.call("queue.declare", queue="q")
        wire.send(frames.message(bytes(300_000), routing_key="q"))
        wire.call("basic.get", queue="q", no_ack=True)
        wire.socket.close()


def test_a_loop_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to do."""
    monkeypatch.setitem(sys.modules, "uvloop", None)
    with pytest.raises(StartError, match="uvloop is not installed: install the extra"):
        event_loop("uvloop")


@pytest.mark.skipif(not usage.available(), reason="only Linux tells what another process uses")
def test_an_idle_broker_burns_nothing() -> None:
    """After a busy time without a pause, half a second of silence costs next to no CPU time."""
    with registry.parse("reference") as broker:
        assert isinstance(broker, LocalBroker)
        wire = Wire(broker.endpoint)
        wire.open()
        for _ in range(200):
            wire.call("queue.declare", queue="q")
        busy = usage.cpu_seconds(broker.pid)
        time.sleep(0.5)
        assert usage.cpu_seconds(broker.pid) - busy < 0.1
        wire.close()
