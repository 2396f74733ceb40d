"""What the arguments of a queue and its policy ask of it, read when either changes.

As in RabbitMQ (https://www.rabbitmq.com/docs/parameters#combining-policy-definitions), of two
numbers the lower counts, of anything else the argument.
"""

from dataclasses import dataclass
from typing import Any

from reference_broker.wire.tables import Table

from .policy import NOTHING, Definition


@dataclass(frozen=True, slots=True)
class Limits:
    """Times are in milliseconds; None means that there is no such limit."""

    ttl: int | None = None
    expires: int | None = None
    max_length: int | None = None
    max_bytes: int | None = None
    overflow: str = "drop-head"
    max_priority: int | None = None
    single_active: bool = False
    dead_letter_exchange: str | None = None
    dead_letter_key: str | None = None

    def over(self, count: int, size: int) -> bool:
        """Whether so many ready messages of so many octets are too much."""
        return (self.max_length is not None and count > self.max_length) or (
            self.max_bytes is not None and size > self.max_bytes
        )


NO_LIMITS = Limits()


def read_limits(arguments: Table, policy: Definition = NOTHING) -> Limits:
    """The limits that checked arguments and a checked policy set."""
    if not arguments and not policy:
        return NO_LIMITS

    def first(key: str) -> Any:
        return arguments.get(f"x-{key}", policy.get(key))

    return Limits(
        ttl=lower(arguments, policy, "message-ttl"),
        expires=lower(arguments, policy, "expires"),
        max_length=lower(arguments, policy, "max-length"),
        max_bytes=lower(arguments, policy, "max-length-bytes"),
        overflow=first("overflow") or "drop-head",
        max_priority=arguments.get("x-max-priority"),
        single_active=arguments.get("x-single-active-consumer", False),
        dead_letter_exchange=first("dead-letter-exchange"),
        dead_letter_key=first("dead-letter-routing-key"),
    )


def lower(arguments: Table, policy: Definition, key: str) -> Any:
    """The lower of the argument `x-KEY` and the policy's KEY; None where there is neither."""
    asked = [x for x in (arguments.get(f"x-{key}"), policy.get(key)) if x is not None]
    numbers = [x for x in asked if isinstance(x, int | float)]  # x-delivery-limit may be anything
    return min(numbers) if numbers else next(iter(asked), None)
