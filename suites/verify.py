"""Verifiers: each raises Mismatch with short canonical forms of what was expected and what came.

Expectation files match on `Mismatch.actual`, so the forms are few and stable: `channel.close 404`,
`queue.delete-ok`, `basic.deliver b'x'`, `socket closed`, `silence`.
"""

import time
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from suites.brokers.base import Unsupported

Value = TypeVar("Value")

POLL_INTERVAL = 0.02


class Mismatch(AssertionError):  # noqa: N818  a finding about the broker, not an error of ours
    """The broker did something else than the requirement says."""

    def __init__(self, expected: str, actual: str, detail: str = "") -> None:
        super().__init__(expected, actual, detail)
        self.expected = expected
        self.actual = actual
        self.detail = detail

    def __str__(self) -> str:
        told = f"expected {self.expected}, got {self.actual}"
        return f"{told} ({self.detail})" if self.detail else told


def equal(actual: object, expected: object, what: str) -> None:
    """Raise Mismatch unless both are equal and of comparable types; `what` names the value."""
    if actual != expected:
        raise Mismatch(f"{what} {expected!r}", f"{what} {actual!r}")


def true(condition: object, expected: str, actual: str) -> None:
    """Raise Mismatch with these two forms unless the condition holds."""
    if not condition:
        raise Mismatch(expected, actual)


def between(actual: float, low: float, high: float, what: str) -> None:
    """Raise Mismatch unless `low <= actual <= high`; `what` names the value and its unit."""
    if not low <= actual <= high:
        raise Mismatch(f"{what} from {low:g} to {high:g}", f"{what} {actual:.3f}")


def eventually(
    probe: Callable[[], Value],
    what: str,
    within: float = 5.0,
    wanted: Any = None,
    every: float = POLL_INTERVAL,
) -> Value:
    """Call `probe` until it gives `wanted` (or, without one, anything true); give what it gave.

    Raises Mismatch with the last value after `within` seconds; there are `every` between two calls.
    """
    deadline = time.monotonic() + within
    while True:
        value = probe()
        if value == wanted if wanted is not None else value:
            return value
        if time.monotonic() >= deadline:
            goal = what if wanted is None else f"{what} {wanted!r}"
            raise Mismatch(goal, f"{what} {value!r}", f"for {within:g} s")
        time.sleep(every)


def unsupported(reason: str) -> NoReturn:
    """End the test with the verdict `unsupported`: the broker says so itself, which was checked."""
    raise Unsupported(reason)
