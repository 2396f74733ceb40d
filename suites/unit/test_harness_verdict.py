from dataclasses import replace

import pytest

from reports.model import Level, Verdict
from suites.expectations import Expectation
from suites.harness.verdict import End, Seen, judge

KNOWN = Expectation("header/higher-version", "queue.delete-ok", "Deletes repeat.", "https://x.test")
OTHER = Expectation("header/higher-version", "channel.close *", "It closes.", "https://y.test")

PASSED = Seen(End.PASSED)
OBSERVED = Seen(End.PASSED, observation="12 ms")
AS_KNOWN = Seen(End.FAILED, "expected a, got b", "channel.close 404", "queue.delete-ok")
OTHERWISE = Seen(End.FAILED, "expected a, got c", "channel.close 404", "silence")
DEAD = Seen(End.FAILED, "the broker died", actual="the broker died", fatal=True)
NO_FORM = Seen(End.FAILED, "assert 1 == 2")
UNSUPPORTED = Seen(End.UNSUPPORTED, "needs `kill`")
BROKEN = Seen(End.BROKEN, "setup: BrokerError: no such file")


@pytest.mark.parametrize(
    ("seen", "expectations", "verdict"),
    [
        (PASSED, (), Verdict.PASS),
        (PASSED, (KNOWN,), Verdict.FAIL),
        (OBSERVED, (), Verdict.INFORMATIONAL),
        (OBSERVED, (KNOWN,), Verdict.FAIL),
        (AS_KNOWN, (), Verdict.FAIL),
        (AS_KNOWN, (KNOWN,), Verdict.DEVIATION),
        (AS_KNOWN, (OTHER, KNOWN), Verdict.DEVIATION),
        (AS_KNOWN, (OTHER,), Verdict.FAIL),
        (OTHERWISE, (), Verdict.FAIL),
        (OTHERWISE, (KNOWN,), Verdict.FAIL),
        (NO_FORM, (), Verdict.FAIL),
        (NO_FORM, (KNOWN,), Verdict.FAIL),
        (UNSUPPORTED, (), Verdict.UNSUPPORTED),
        (UNSUPPORTED, (KNOWN,), Verdict.UNSUPPORTED),
        (BROKEN, (), Verdict.ERROR),
        (BROKEN, (KNOWN,), Verdict.ERROR),
    ],
)
def test_every_combination(
    seen: Seen, expectations: tuple[Expectation, ...], verdict: Verdict
) -> None:
    """Each way to end has one verdict without expectations, and one with them."""
    assert judge(seen, expectations).verdict is verdict


@pytest.mark.parametrize(
    ("seen", "level", "verdict"),
    [
        (AS_KNOWN, Level.MUST, Verdict.FAIL),
        (AS_KNOWN, Level.SHOULD, Verdict.WEAK),
        (AS_KNOWN, Level.MAY, Verdict.INFORMATIONAL),
        (AS_KNOWN, Level.RABBITMQ, Verdict.FAIL),
        (AS_KNOWN, Level.MEMCACHEQ, Verdict.FAIL),
        (AS_KNOWN, None, Verdict.FAIL),
        (DEAD, Level.SHOULD, Verdict.FAIL),
        (DEAD, Level.MAY, Verdict.FAIL),
        (BROKEN, Level.SHOULD, Verdict.ERROR),
        (PASSED, Level.SHOULD, Verdict.PASS),
    ],
)
def test_what_is_broken_is_graded(seen: Seen, level: Level | None, verdict: Verdict) -> None:
    """The level of the requirement says how grave it is, but nothing excuses a dead broker."""
    assert judge(seen, (), level).verdict is verdict


@pytest.mark.parametrize("level", [Level.MUST, Level.SHOULD, Level.MAY])
def test_an_expectation_is_strict_at_every_level(level: Level) -> None:
    """A known deviation is one whatever its level, and one that is gone or changed is a fail."""
    assert judge(AS_KNOWN, (KNOWN,), level).verdict is Verdict.DEVIATION
    assert judge(OTHERWISE, (KNOWN,), level).verdict is Verdict.FAIL
    assert judge(PASSED, (KNOWN,), level).verdict is Verdict.FAIL


def test_a_deviation_carries_its_reason_and_link() -> None:
    """A reader of the record learns why the deviation is known, and where it is documented."""
    judgement = judge(AS_KNOWN, (OTHER, KNOWN))
    assert (judgement.reason, judgement.link) == (KNOWN.reason, KNOWN.link)


def test_a_deviation_that_is_gone_says_what_to_remove() -> None:
    """The failure names the expectation that no longer holds."""
    assert judge(PASSED, (KNOWN,)).reason == (
        "deviation is gone: remove the expectation of header/higher-version"
    )


def test_a_deviation_that_comes_and_goes() -> None:
    """What is seen in some runs alone is a deviation when it is seen, and a pass when not."""
    sometimes = replace(KNOWN, sometimes=True)
    assert judge(PASSED, (sometimes,)).verdict is Verdict.PASS
    assert judge(AS_KNOWN, (sometimes,)).verdict is Verdict.DEVIATION
    assert judge(OTHERWISE, (sometimes,)).verdict is Verdict.FAIL
    assert judge(PASSED, (sometimes, OTHER)).verdict is Verdict.FAIL


def test_a_deviation_that_changed_says_what_was_known() -> None:
    """The failure names both what came and what was expected of this broker."""
    assert judge(OTHERWISE, (KNOWN, OTHER)).reason == (
        "expected a, got c; the known deviation is another: queue.delete-ok or channel.close *"
    )


def test_a_pattern_describes_what_it_matches() -> None:
    """`observed` may be a shell pattern; brackets that are meant literally still match."""
    assert OTHER.describes("channel.close 404")
    assert not OTHER.describes("connection.close 404")
    assert Expectation("a/b", "order [2, 1]", "r", "l").describes("order [2, 1]")
