from collections.abc import Callable

import pytest

from suites import verify
from suites.brokers.base import Unsupported
from suites.verify import Mismatch

NUMBERS = iter(range(1000))


@pytest.mark.parametrize(
    ("check", "expected", "actual"),
    [
        (lambda: verify.equal(3, 4, "count"), "count 4", "count 3"),
        (lambda: verify.equal(b"x", "x", "body"), "body 'x'", "body b'x'"),
        (lambda: verify.true([], "some", "none"), "some", "none"),
        (lambda: verify.between(7, 1, 2.5, "seconds"), "seconds from 1 to 2.5", "seconds 7.000"),
        (lambda: verify.eventually(lambda: 0, "count", within=0.0), "count", "count 0"),
        (lambda: verify.eventually(lambda: 1, "count", within=0.0, wanted=2), "count 2", "count 1"),
    ],
)
def test_a_mismatch_has_both_forms(check: Callable[[], object], expected: str, actual: str) -> None:
    """Every verifier says what was expected and what came, in forms that data can match."""
    with pytest.raises(Mismatch) as caught:
        check()
    assert (caught.value.expected, caught.value.actual) == (expected, actual)


def test_what_holds_passes() -> None:
    """A verifier that is content says nothing."""
    verify.equal(3, 3, "count")
    verify.true([1], "some", "none")
    verify.between(2.5, 1, 2.5, "seconds")
    assert verify.eventually(lambda: next(NUMBERS), "number", wanted=3) == 3
    assert verify.eventually(lambda: next(NUMBERS), "number") == 4


def test_a_mismatch_reads_as_one_line() -> None:
    """The message has the forms and, in brackets, the broker's own words."""
    assert (
        str(Mismatch("silence", "channel.close 404")) == "expected silence, got channel.close 404"
    )
    assert str(Mismatch("a", "b", "c")) == "expected a, got b (c)"


def test_unsupported_ends_the_test() -> None:
    """A test may find that the broker lacks what it judges."""
    with pytest.raises(Unsupported, match="it says so"):
        verify.unsupported("it says so")
