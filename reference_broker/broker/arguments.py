"""The x-arguments of queues: which are known, what they may be, what makes two declares equal.

RabbitMQ's documentation of each argument is the source, its replies the texts; an argument that
nobody knows is kept and ignored.
"""

from collections.abc import Callable, Mapping
from typing import Any

from reference_broker.wire.errors import HardError, SoftError
from reference_broker.wire.tables import Table, Timestamp, type_name

MAX_MILLISECONDS = 315_360_000_000  # ten years: RabbitMQ's longest timer
MAX_PRIORITY = 255
LOCATORS = ("client-local", "balanced", "random", "least-leaders")
OVERFLOWS = ("drop-head", "reject-publish", "reject-publish-dlx")


def wrong_milliseconds(value: int) -> str:
    """What is wrong with a number of milliseconds; empty when nothing is."""
    if value < 0:
        return f"{{value_negative,{value}}}"
    return f"{{value_too_large,{value}}}" if value > MAX_MILLISECONDS else ""


def _whole(value: Any) -> str:
    if isinstance(value, bool | Timestamp) or not isinstance(value, int):
        return f'"expected integer, got {type_name(value)}"'
    return ""


def _not_negative(value: Any) -> str:
    return _whole(value) or (f"{{value_negative,{value}}}" if value < 0 else "")


def _milliseconds(value: Any) -> str:
    return _whole(value) or wrong_milliseconds(value)


def _expires(value: Any) -> str:
    return _positive(value) or wrong_milliseconds(value)


def _positive(value: Any) -> str:
    return _not_negative(value) or ("{value_zero,0}" if value == 0 else "")


def _priority(value: Any) -> str:
    return _not_negative(value) or (
        f"{{max_value_exceeded,{value}}}" if value > MAX_PRIORITY else ""
    )


def _text(value: Any) -> str:
    return "" if isinstance(value, str) else f"{{unacceptable_type,{type_name(value)}}}"


def _boolean(value: Any) -> str:
    return "" if isinstance(value, bool) else f"{{unacceptable_type,{type_name(value)}}}"


def _one_of(allowed: tuple[str, ...], otherwise: str) -> Callable[[Any], str]:
    return lambda value: _text(value) or ("" if value in allowed else otherwise.format(value=value))


_CHECKS: dict[str, Callable[[Any], str]] = {
    "x-expires": _expires,
    "x-message-ttl": _milliseconds,
    "x-dead-letter-exchange": _text,
    "x-dead-letter-routing-key": _text,
    "x-dead-letter-strategy": _one_of(("at-most-once", "at-least-once"), "invalid_dlx_strategy"),
    "x-max-length": _not_negative,
    "x-max-length-bytes": _not_negative,
    "x-max-in-memory-length": _not_negative,
    "x-max-in-memory-bytes": _not_negative,
    "x-overflow": _one_of(OVERFLOWS, "invalid_overflow"),
    "x-max-priority": _priority,
    "x-single-active-consumer": _boolean,
    "x-queue-mode": _one_of(("default", "lazy"), "\"unsupported queue mode '{value}'\""),
    "x-queue-version": _not_negative,
    "x-queue-type": _one_of(
        ("classic", "quorum", "stream"), "\"unsupported queue type '{value}'\""
    ),
    "x-quorum-initial-group-size": _positive,
    "x-queue-leader-locator": _one_of(LOCATORS, "invalid_queue_locator_arg"),
}

# What each type knows of; RabbitMQ refuses an argument that means something to another type alone.
_COMMON = frozenset(
    {
        "x-dead-letter-exchange",
        "x-dead-letter-routing-key",
        "x-expires",
        "x-max-length",
        "x-max-length-bytes",
        "x-message-ttl",
        "x-overflow",
        "x-queue-type",
        "x-single-active-consumer",
    }
)
_OF_TYPE: dict[str, frozenset[str]] = {
    "classic": _COMMON
    | {"x-max-priority", "x-queue-master-locator", "x-queue-mode", "x-queue-version"},
    "quorum": _COMMON
    | {
        "x-dead-letter-strategy",
        "x-delivery-limit",
        "x-max-in-memory-bytes",
        "x-max-in-memory-length",
        "x-queue-leader-locator",
        "x-quorum-initial-group-size",
    },
    "stream": frozenset(
        {
            "x-initial-cluster-size",
            "x-max-age",
            "x-max-length-bytes",
            "x-queue-leader-locator",
            "x-queue-type",
            "x-stream-max-segment-size-bytes",
        }
    ),
}

KNOWN_QUEUE_ARGUMENTS: frozenset[str] = frozenset().union(*_OF_TYPE.values())
"""What some type of queue knows."""


def check_queue_arguments(what: str, arguments: Table) -> None:
    """Refuse values that RabbitMQ refuses; `what` names the queue. Raises SoftError 406."""
    if not arguments:
        return
    exchange = arguments.get("x-dead-letter-exchange", "")
    if not isinstance(exchange, str):
        wrong = f"invalid type '{type_name(exchange)}' for arg 'x-dead-letter-exchange' in {what}"
        raise SoftError(406, wrong)
    known = _OF_TYPE[_type_of(what, arguments)]
    for name, check in _CHECKS.items():
        wrong = check(arguments[name]) if name in arguments and name in known else ""
        if wrong:
            raise SoftError(406, f"invalid arg '{name}' for {what}: {wrong}")
    if "x-dead-letter-routing-key" in arguments and "x-dead-letter-exchange" not in arguments:
        text = f"invalid arg 'x-dead-letter-routing-key' for {what}: routing_key_but_no_dlx_defined"
        raise SoftError(406, text)


def _type_of(what: str, arguments: Table) -> str:
    kind = arguments.get("x-queue-type", "classic")
    wrong = _CHECKS["x-queue-type"](kind)
    if wrong:
        raise SoftError(406, f"invalid arg 'x-queue-type' for {what}: {wrong}")
    return str(kind)


def check_exchange_arguments(what: str, arguments: Table) -> None:
    """Refuse an alternate exchange that is no name. Raises SoftError 406."""
    alternate = arguments.get("alternate-exchange", "")
    if not isinstance(alternate, str):
        wrong = f"invalid type '{type_name(alternate)}' for arg 'alternate-exchange' in {what}"
        raise SoftError(406, wrong)


def check_queue_type(
    what: str,
    arguments: Table,
    *,
    invented: bool,
    durable: bool,
    exclusive: bool,
    auto_delete: bool,
) -> None:
    """Refuse what a queue type cannot be, and what this broker lacks.

    Raises:
        SoftError: 406 for a property or argument that the type does not have.
        HardError: 540 for a stream, and for dead-lettering at least once.
    """
    if not arguments:  # a classic queue may be anything
        return
    kind = _type_of(what, arguments)
    replicated = kind != "classic"
    if invented and replicated:
        raise SoftError(406, f"Cannot declare a server-named queue for type rabbit_{kind}_queue")
    foreign = KNOWN_QUEUE_ARGUMENTS - _OF_TYPE[kind]
    for name in sorted(foreign.intersection(arguments)):
        raise SoftError(406, f"invalid arg '{name}' for {what} of queue type rabbit_{kind}_queue")
    wrong = {"auto-delete": auto_delete, "exclusive-owner": exclusive, "non-durable": not durable}
    for name, is_wrong in wrong.items():
        if replicated and is_wrong:
            raise SoftError(406, f"invalid property '{name}' for {what}")
    if kind == "stream":
        raise HardError(540, "queue type 'stream' is not supported by this broker")
    if _buries_at_least_once(arguments):
        raise HardError(540, "dead-letter strategy 'at-least-once' is not supported by this broker")


def _buries_at_least_once(arguments: Table) -> bool:
    """Whether the strategy has an effect: beside another overflow RabbitMQ ignores it."""
    return (
        arguments.get("x-dead-letter-strategy") == "at-least-once"
        and "x-dead-letter-exchange" in arguments
        and arguments.get("x-overflow") == "reject-publish"
    )


def check_same(what: str, held: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Compare a redeclare with what is there, in the order given. Raises SoftError 406.

    `what` names the entity, for instance `queue 'q' in vhost '/'`.
    """
    for name, value in held.items():
        if asked[name] != value or isinstance(asked[name], bool) != isinstance(value, bool):
            received, current = _shown(asked[name], value), _shown(value, asked[name])
            raise SoftError(
                406,
                f"inequivalent arg '{name}' for {what}: received {received} "
                f"but current is {current}",
            )


def queue_traits(kind: str, durable: bool, auto_delete: bool, arguments: Table) -> dict[str, Any]:
    """What two declares of one queue of this type must agree in; other arguments do not count.

    The durable bit of an exclusive queue does not count either: callers pass true for each.
    """
    known = {name: arguments.get(name) for name in sorted(_OF_TYPE[kind])}
    known["x-queue-type"] = known["x-queue-type"] or "classic"
    return {"durable": durable, "auto_delete": auto_delete, **known}


def _shown(value: Any, other: Any) -> str:
    """One of two values that differ, as RabbitMQ words it."""
    if value is None:
        return "none"
    plain = str(value).lower() if isinstance(value, bool) else str(value)
    return (
        f"'{plain}'" if other is not None else f"the value '{plain}' of type '{type_name(value)}'"
    )
