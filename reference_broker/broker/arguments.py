"""The x-arguments of queues: which are known, what they may be, what makes two declares equal.

RabbitMQ's documentation of each argument is the source; an unknown argument is kept and ignored.
"""

from collections.abc import Callable, Mapping
from typing import Any

from reference_broker.wire.errors import HardError, SoftError
from reference_broker.wire.tables import Table

MAX_MILLISECONDS = 2**32 - 1  # what an Erlang timer holds
MAX_PRIORITY = 255
OVERFLOWS = ("drop-head", "reject-publish", "reject-publish-dlx")


def _whole(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return "not a whole number"
    return None


def _not_negative(value: Any) -> str | None:
    return _whole(value) or ("negative" if value < 0 else None)


def _milliseconds(value: Any) -> str | None:
    return _not_negative(value) or ("too large" if value > MAX_MILLISECONDS else None)


def _expires(value: Any) -> str | None:
    return _milliseconds(value) or ("zero" if value == 0 else None)


def _priority(value: Any) -> str | None:
    return _not_negative(value) or ("above 255" if value > MAX_PRIORITY else None)


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) else "not text"


def _boolean(value: Any) -> str | None:
    return None if isinstance(value, bool) else "not a boolean"


def _one_of(*allowed: str) -> Callable[[Any], str | None]:
    return lambda value: None if value in allowed else f"not one of {', '.join(allowed)}"


_CHECKS: dict[str, Callable[[Any], str | None]] = {
    "x-expires": _expires,
    "x-message-ttl": _milliseconds,
    "x-dead-letter-exchange": _text,
    "x-dead-letter-routing-key": _text,
    "x-max-length": _not_negative,
    "x-max-length-bytes": _not_negative,
    "x-overflow": _one_of(*OVERFLOWS),
    "x-max-priority": _priority,
    "x-single-active-consumer": _boolean,
    "x-queue-mode": _one_of("default", "lazy"),
    "x-queue-type": _one_of("classic", "quorum", "stream"),
}


def check_queue_arguments(arguments: Table) -> None:
    """Refuse what RabbitMQ refuses. Raises SoftError 406."""
    for name, check in _CHECKS.items():
        if name not in arguments:
            continue
        wrong = check(arguments[name])
        if wrong:
            raise SoftError(406, f"invalid arg '{name}' {arguments[name]!r}: {wrong}")
    if "x-dead-letter-routing-key" in arguments and "x-dead-letter-exchange" not in arguments:
        raise SoftError(406, "invalid arg 'x-dead-letter-routing-key': routing key but no exchange")


def check_queue_type(name: str, arguments: Table, *, durable: bool, exclusive: bool) -> None:
    """Refuse what a replicated type cannot be, and streams, which this broker lacks.

    A quorum queue is kept as a durable classic one: on a single node the two differ little.

    Raises:
        SoftError: 406 for a property that the type does not have.
        HardError: 540 for a stream.
    """
    kind = arguments.get("x-queue-type", "classic")
    if kind == "classic":
        return
    if kind == "stream":
        raise HardError(540, "queue type 'stream' is not supported by this broker")
    for wrong, what in ((not durable, "durable"), (exclusive, "exclusive"), (not name, "name")):
        if wrong:
            value = {"durable": "false", "exclusive": "true", "name": ""}[what]
            raise SoftError(406, f"invalid property '{what}' for queue '{name}': {value}")


def check_same(what: str, held: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Compare a redeclare with what is there, in the order given. Raises SoftError 406.

    `what` names the entity, for instance `queue 'q' in vhost '/'`.
    """
    for name, value in held.items():
        if asked[name] != value or isinstance(asked[name], bool) != isinstance(value, bool):
            raise SoftError(
                406,
                f"inequivalent arg '{name}' for {what}: received "
                f"{_shown(asked[name])} but current is {_shown(value)}",
            )


def queue_traits(
    *, durable: bool, auto_delete: bool, exclusive: bool, arguments: Table
) -> dict[str, Any]:
    """What two declares of one queue must agree in; arguments nobody knows do not count."""
    known = {name: arguments.get(name) for name in _CHECKS}
    known["x-queue-type"] = known["x-queue-type"] or "classic"
    return {"durable": durable, "auto_delete": auto_delete, "exclusive": exclusive, **known}


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return f"'{str(value).lower()}'"
    kind = "signedint" if isinstance(value, int) else "longstr"
    return f"the value '{value}' of type '{kind}'" if not isinstance(value, str) else f"'{value}'"
