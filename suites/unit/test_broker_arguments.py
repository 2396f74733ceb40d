from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given

from reference_broker.broker.arguments import (
    MAX_MILLISECONDS,
    check_queue_arguments,
    check_queue_type,
    check_same,
    queue_traits,
)
from reference_broker.broker.limits import Limits, read_limits
from reference_broker.wire.errors import AmqpError, SoftError
from reference_broker.wire.tables import Timestamp
from suites.unit.generated import TABLES

TEXT = ["", "text"]
WHAT = "queue 'q' in vhost '/'"
NO_TEXT: list[Any] = [1, None, True, b"\xff", [], {}]
NO_NUMBER: list[Any] = ["5", 5.0, Timestamp(5), True, None, [], b"\xff"]
ACCEPTED: dict[str, list[Any]] = {
    "x-expires": [1, MAX_MILLISECONDS],
    "x-message-ttl": [0, MAX_MILLISECONDS],
    "x-dead-letter-exchange": TEXT,
    "x-max-length": [0, 2**40],
    "x-max-length-bytes": [0, 2**40],
    "x-overflow": ["drop-head", "reject-publish", "reject-publish-dlx"],
    "x-max-priority": [0, 255],
    "x-single-active-consumer": [True, False],
    "x-queue-mode": ["default", "lazy"],
    "x-queue-type": ["classic", "quorum"],
    "x-unknown": [1, "text", None, {"nested": []}],
}
REFUSED: dict[str, list[Any]] = {
    "x-expires": [0, -1, MAX_MILLISECONDS + 1, *NO_NUMBER],
    "x-message-ttl": [-1, MAX_MILLISECONDS + 1, *NO_NUMBER],
    "x-dead-letter-exchange": NO_TEXT,
    "x-dead-letter-routing-key": ["k", *NO_TEXT],  # without an exchange even a text
    "x-max-length": [-1, *NO_NUMBER],
    "x-max-length-bytes": [-1, *NO_NUMBER],
    "x-overflow": ["", "Drop-Head", "drop-tail", *NO_TEXT],
    "x-max-priority": [-1, 256, *NO_NUMBER],
    "x-single-active-consumer": [1, "true", None],
    "x-queue-mode": ["eager", *NO_TEXT],
    "x-queue-type": ["", "Classic", "mirrored", *NO_TEXT],
}


LETTERS = {"x-dead-letter-exchange": "", "x-overflow": "reject-publish"}


def cases(table: dict[str, list[Any]]) -> list[Any]:
    """One case for each argument and value."""
    return [
        pytest.param(name, value, id=f"{name}={value!r}")
        for name, values in table.items()
        for value in values
    ]


@pytest.mark.parametrize(("name", "value"), cases(ACCEPTED))
def test_accepted(name: str, value: Any) -> None:
    """What RabbitMQ documents is taken, at its bounds too, and so is what nobody knows."""
    check_queue_arguments(WHAT, {name: value})


@pytest.mark.parametrize(("name", "value"), cases(REFUSED))
def test_refused(name: str, value: Any) -> None:
    """What is out of bounds or of another type is 406, and the argument is named."""
    with pytest.raises(SoftError) as caught:
        check_queue_arguments(WHAT, {name: value})
    assert caught.value.code == 406
    assert caught.value.text.startswith("invalid ")
    assert f" arg '{name}' " in caught.value.text
    assert WHAT in caught.value.text


def test_a_dead_letter_key_needs_its_exchange() -> None:
    """Together they are taken, the default exchange included."""
    check_queue_arguments(WHAT, {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "k"})


@given(TABLES)
def test_arbitrary_arguments_end_in_406_at_worst(arguments: dict[str, Any]) -> None:
    """Whatever tables may hold, known names and all, nothing else is raised."""
    values = [*arguments.values(), arguments, [arguments]]
    named = {name: values[at % len(values)] for at, name in enumerate(ACCEPTED)}
    for asked in (arguments, named):
        with suppress(SoftError):
            check_queue_arguments(WHAT, asked)


@pytest.mark.parametrize(
    ("arguments", "odd", "code"),
    [
        ({}, {"durable": False, "exclusive": True, "invented": True}, 0),
        ({"x-queue-type": "classic", "x-max-priority": 1}, {"auto_delete": True}, 0),
        ({"x-queue-type": "quorum"}, {}, 0),
        ({"x-queue-type": "quorum"}, {"durable": False}, 406),
        ({"x-queue-type": "quorum"}, {"exclusive": True}, 406),
        ({"x-queue-type": "quorum"}, {"auto_delete": True}, 406),
        ({"x-queue-type": "quorum"}, {"invented": True}, 406),
        ({"x-queue-type": "quorum", "x-max-priority": 1}, {}, 406),
        ({"x-queue-type": "quorum", "x-queue-mode": "lazy"}, {}, 406),
        ({"x-queue-type": "quorum", "x-delivery-limit": 3}, {}, 0),
        ({"x-queue-type": "quorum", "x-max-age": "1D"}, {}, 406),
        ({"x-queue-type": "quorum", "x-dead-letter-strategy": "at-least-once"}, {}, 0),
        ({"x-queue-type": "quorum", **LETTERS, "x-dead-letter-strategy": "at-most-once"}, {}, 0),
        ({"x-queue-type": "quorum", **LETTERS, "x-dead-letter-strategy": "at-least-once"}, {}, 540),
        ({"x-queue-type": "stream"}, {}, 540),
        ({"x-delivery-limit": 3}, {}, 406),
    ],
    ids=str,
)
def test_queue_types(arguments: dict[str, Any], odd: dict[str, bool], code: int) -> None:
    """A quorum queue is durable, shared and named; there are no streams."""
    options = {"durable": True, "exclusive": False, "auto_delete": False, "invented": False, **odd}
    if not code:
        check_queue_type(WHAT, arguments, **options)
        return
    with pytest.raises(AmqpError) as caught:
        check_queue_type(WHAT, arguments, **options)
    assert caught.value.code == code


def traits(**arguments: Any) -> dict[str, Any]:
    """The traits of a queue with these arguments."""
    named = {f"x-{name.replace('_', '-')}": value for name, value in arguments.items()}
    return queue_traits("classic", False, False, named)


@pytest.mark.parametrize(
    ("held", "asked", "text"),
    [
        (traits(), traits(max_length=5), "the value '5' of type 'signedint' but current is none"),
        (traits(max_length=5), traits(), "received none but current is the value '5'"),
        (traits(message_ttl=1), traits(message_ttl=2), "received '2' but current is '1'"),
        (traits(overflow="drop-head"), traits(), "current is the value 'drop-head' of type 'long"),
        (traits(queue_type="quorum"), traits(), "received 'classic' but current is 'quorum'"),
        ({"durable": True}, {"durable": False}, "received 'false' but current is 'true'"),
        ({"flag": True}, {"flag": 1}, "'flag'"),
        ({"flag": 0}, {"flag": False}, "'flag'"),
    ],
)
def test_inequivalent(held: dict[str, Any], asked: dict[str, Any], text: str) -> None:
    """A redeclare that differs is 406 and says in what."""
    with pytest.raises(SoftError, match="inequivalent arg") as caught:
        check_same(WHAT, held, asked)
    assert text in caught.value.text
    assert f"for {WHAT}" in caught.value.text
    assert caught.value.code == 406


def test_equivalent() -> None:
    """Classic is the default type, and what nobody knows does not count."""
    check_same("queue", traits(queue_type="classic"), traits(unknown=1))


def test_limits_are_those_of_the_arguments() -> None:
    """Each limit is read from its argument; without arguments there are none."""
    assert read_limits({}) == Limits()
    assert read_limits(
        {
            "x-message-ttl": 1,
            "x-expires": 2,
            "x-max-length": 3,
            "x-max-length-bytes": 4,
            "x-overflow": "reject-publish",
            "x-max-priority": 5,
            "x-single-active-consumer": True,
            "x-dead-letter-exchange": "dlx",
            "x-dead-letter-routing-key": "key",
        }
    ) == Limits(1, 2, 3, 4, "reject-publish", 5, True, "dlx", "key")


@pytest.mark.parametrize(
    ("limits", "fitting", "over"),
    [
        (Limits(), (2**40, 2**40), None),
        (Limits(max_length=2), (2, 2**40), (3, 0)),
        (Limits(max_bytes=2), (2**40, 2), (1, 3)),
        (Limits(max_length=0), (0, 0), (1, 0)),
    ],
)
def test_over(limits: Limits, fitting: tuple[int, int], over: tuple[int, int] | None) -> None:
    """What is at a limit fits, what is above it does not."""
    assert not limits.over(*fitting)
    assert over is None or limits.over(*over)
