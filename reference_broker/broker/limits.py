"""What the arguments of a queue ask of it, read once when it is declared."""

from dataclasses import dataclass

from reference_broker.wire.tables import Table


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


def read_limits(arguments: Table) -> Limits:
    """The limits that checked arguments set."""
    if not arguments:
        return NO_LIMITS
    get = arguments.get
    return Limits(
        ttl=get("x-message-ttl"),
        expires=get("x-expires"),
        max_length=get("x-max-length"),
        max_bytes=get("x-max-length-bytes"),
        overflow=get("x-overflow", "drop-head"),
        max_priority=get("x-max-priority"),
        single_active=get("x-single-active-consumer", False),
        dead_letter_exchange=get("x-dead-letter-exchange"),
        dead_letter_key=get("x-dead-letter-routing-key"),
    )
