"""What a file in `kinds/` tells the registry, and the options after a kind's name."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from suites.brokers.base import Broker, BrokerError


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of broker: its name, how a user writes it, one line about it, and its maker."""

    name: str
    form: str
    summary: str
    create: Callable[[str], Broker]
    """Makes the broker from what follows `name:`, or from "" when nothing does."""


def options(kind: str, rest: str, allowed: Collection[str]) -> dict[str, str]:
    """Parse `key=value[,key=value]`; BrokerError names a wrong part and the keys allowed."""
    found: dict[str, str] = {}
    for part in rest.split(",") if rest else ():
        key, equals, value = part.partition("=")
        if key not in allowed:
            offer = f"it takes {', '.join(sorted(allowed))}" if allowed else "it takes none"
            raise BrokerError(f"`{kind}` has no option `{key}`; {offer}")
        if not equals or not value or key in found:
            raise BrokerError(f"`{kind}`: `{part}` should be one `{key}=VALUE`")
        found[key] = value
    return found
