import time

import pytest

from faults import Fault, schedule

TICK = 0.03


class Noted(Fault):
    """A fault that only writes down when it starts and stops."""

    def __init__(self, name: str, log: list[str], *, fails: bool = False) -> None:
        self.name = name
        self.log = log
        self.fails = fails

    def hurt(self) -> None:
        """Note it."""
        if self.fails:
            raise OSError(f"{self.name} cannot be had")
        self.log.append(f"+{self.name}")

    def restore(self) -> None:
        """Note it."""
        self.log.append(f"-{self.name}")

    def __repr__(self) -> str:
        return self.name


class Blow(Noted):
    """One of no length."""

    @property
    def duration(self) -> float:
        """None."""
        return 0.0


def test_together_enters_in_order_and_leaves_in_reverse() -> None:
    """`a | b | c` are all in force in the block, and none after it."""
    log: list[str] = []
    a, b, c = (Noted(name, log) for name in "abc")
    with a | b | c:
        assert log == ["+a", "+b", "+c"]
        assert a.active
        assert c.active
    assert log[3:] == ["-c", "-b", "-a"]
    assert not a.active


def test_together_is_all_or_none() -> None:
    """When one cannot be had, those before it are left."""
    log: list[str] = []
    both = Noted("a", log) | Noted("b", log, fails=True)
    with pytest.raises(OSError, match="b cannot be had"):
        both.start()
    assert log == ["+a", "-a"]


def test_in_order_one_ends_before_the_next_begins() -> None:
    """`a >> b >> c`: the first is in force at once, the last until the block ends."""
    log: list[str] = []
    a, b, c = (Noted(name, log) for name in "abc")
    with a.lasting(TICK) >> b.lasting(TICK) >> c as steps:
        assert log[0] == "+a"
        assert steps.wait(5)
        assert log == ["+a", "-a", "+b", "-b", "+c"]
    assert log[5:] == ["-c"]


def test_blows_in_order_each_begin_and_end() -> None:
    """A fault of no length needs no `lasting`."""
    log: list[str] = []
    with Blow("a", log) >> Blow("b", log) >> Noted("c", log):
        assert log == ["+a", "-a", "+b", "-b", "+c"]


def test_what_never_ends_cannot_be_followed() -> None:
    """It is said in one line, before anything is hurt."""
    a, b = Noted("a", []), Noted("b", [])
    with pytest.raises(ValueError, match=r"a never ends, .* add \.lasting\(SECONDS\)"):
        a >> b


def test_lasting_ends_inside_the_block() -> None:
    """A fault of a length is over after it, though the block goes on."""
    log: list[str] = []
    with Noted("a", log).lasting(TICK) as lasting:
        assert lasting.wait(5)
        assert log == ["+a", "-a"]
    assert log == ["+a", "-a"]


def test_schedule_starts_each_at_its_time() -> None:
    """Faults start by the clock, and overlap if told so."""
    log: list[str] = []
    begin = time.monotonic()
    early = Noted("early", log).lasting(3 * TICK)
    with schedule((2 * TICK, Noted("late", log)), (TICK, early)) as clock:
        assert clock.wait(5)
        assert time.monotonic() - begin >= 4 * TICK
        assert [entry for entry in log if entry != "-early"] == ["+early", "+late"]
    assert log[-1] == "-late"
    assert "-early" in log[1:]


def test_leaving_early_cancels_what_is_to_come() -> None:
    """The block's end is the end of the schedule."""
    log: list[str] = []
    with schedule((0, Noted("a", log)), (60, Noted("b", log))) as clock:
        assert not clock.wait(0)
    assert log == ["+a", "-a"]


def test_an_error_on_the_way_is_raised_on_leaving() -> None:
    """What could not be had is not hidden in a thread; what was in force is left."""
    log: list[str] = []
    clock = schedule((0, Noted("a", log)), (TICK, Noted("b", log, fails=True)))
    clock.start()
    clock.wait(5)
    with pytest.raises(OSError, match="b cannot be had"):
        clock.stop()
    assert log == ["+a", "-a"]


def test_a_schedule_can_be_used_again() -> None:
    """Nothing of the first time is left."""
    log: list[str] = []
    clock = Noted("a", log).lasting(0)
    for _ in range(2):
        with clock:
            assert clock.wait(5)
    assert log == ["+a", "-a"] * 2


@pytest.mark.parametrize("at", [-1, -0.5])
def test_the_past_cannot_be_scheduled(at: float) -> None:
    """It says what to give."""
    with pytest.raises(ValueError, match=f"a cannot start at {at:g} s: give 0 or more"):
        schedule((at, Noted("a", [])))
    with pytest.raises(ValueError, match=f"cannot last {at:g} s: give 0 or more"):
        Noted("a", []).lasting(at)
