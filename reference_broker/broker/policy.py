"""Policies: arguments that operators give to queues and exchanges by patterns of their names.

See https://www.rabbitmq.com/docs/parameters#policies. For each entity the policy of the highest
priority counts that matches its name; of an operator policy the keys are added to it, and where
both have one the lower counts. How a policy and an entity's own arguments combine is said where
they are read, in `limits` and `exchange`.

Keys that have no meaning on a single node are taken and kept, as in RabbitMQ, and do nothing.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from .arguments import OVERFLOWS

APPLY_TO = ("queues", "exchanges", "all")
Definition = Mapping[str, Any]
NOTHING: Definition = MappingProxyType({})


class PolicyError(ValueError):
    """A policy that cannot be; the text is RabbitMQ's."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy, or operator policy, of a vhost."""

    name: str
    pattern: str
    definition: Definition
    priority: int = 0
    apply_to: str = "all"

    def matches(self, kind: str, name: str) -> bool:
        """Whether it is for an entity of this kind (`queues`, `exchanges`) and name."""
        return self.apply_to in {kind, "all"} and re.search(self.pattern, name) is not None


@dataclass(slots=True)
class Policies:
    """The policies of a vhost, by name."""

    ordinary: dict[str, Policy] = field(default_factory=dict)
    operator: dict[str, Policy] = field(default_factory=dict)

    def matching(self, kind: str, name: str) -> tuple[Policy | None, Policy | None]:
        """The policy and the operator policy that count for an entity."""
        return _best(self.ordinary, kind, name), _best(self.operator, kind, name)

    def effective(self, kind: str, name: str) -> Definition:
        """What they ask of an entity together."""
        if not self.ordinary and not self.operator:
            return NOTHING
        policy, operator = self.matching(kind, name)
        own = policy.definition if policy else NOTHING
        return merged(own, operator.definition) if operator else own


def _best(policies: Mapping[str, Policy], kind: str, name: str) -> Policy | None:
    """Of equal priorities the last by name counts; RabbitMQ promises nothing there."""
    matching = (policy for policy in policies.values() if policy.matches(kind, name))
    return max(matching, key=lambda policy: (policy.priority, policy.name), default=None)


def merged(own: Definition, operator: Definition) -> Definition:
    """A policy limited by an operator policy, all of whose keys are numbers."""
    return {**own, **{key: min(value, own.get(key, value)) for key, value in operator.items()}}


def check_policy(policy: Policy, *, operator: bool = False) -> None:
    """Refuse what RabbitMQ refuses. Raises PolicyError."""
    if policy.apply_to not in APPLY_TO:
        raise PolicyError(
            f"apply-to '{policy.apply_to}' unrecognised; should be 'queues', 'exchanges' or 'all'"
        )
    try:
        re.compile(policy.pattern)
    except re.error as cause:
        raise PolicyError(f"pattern should be regular expression but is invalid: {cause}") from None
    if not policy.definition:
        raise PolicyError("no policy provided")
    known = _OPERATOR_KEYS if operator else _KEYS
    unknown = [
        f"{{{_term(key)},{_term(policy.definition[key])}}}"
        for key in sorted(policy.definition.keys() - known)
    ]
    if unknown:
        raise PolicyError(f"[{','.join(unknown)}] are not recognised policy settings")
    for wrong in _wrong_values(policy.definition):
        raise PolicyError(wrong)


def _wrong_values(definition: Definition) -> Iterator[str]:
    for key, value in definition.items():
        allowed, what = _KEYS[key]
        if not allowed(value):
            yield f"{_term(value)} is not a valid {what}"


def _term(value: Any) -> str:
    """A value as Erlang shows it."""
    return f'<<"{value}">>' if isinstance(value, str) else str(value).lower()


def _whole(least: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and value >= least


def _one_of(*allowed: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in allowed


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _anything(value: Any) -> bool:  # noqa: ARG001  of keys that do nothing here
    return True


_KEYS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "alternate-exchange": (_text, "alternate exchange name"),
    "dead-letter-exchange": (_text, "dead letter exchange name"),
    "dead-letter-routing-key": (_text, "dead letter routing key"),
    "dead-letter-strategy": (_one_of("at-most-once", "at-least-once"), "dead letter strategy"),
    "delivery-limit": (_whole(0), "delivery limit"),
    "expires": (_whole(1), "queue expiry"),
    "max-in-memory-bytes": (_whole(0), "maximum in memory bytes"),
    "max-in-memory-length": (_whole(0), "maximum memory in bytes"),
    "max-length": (_whole(0), "maximum length"),
    "max-length-bytes": (_whole(0), "maximum length in bytes"),
    "message-ttl": (_whole(0), "message TTL"),
    "overflow": (_one_of(*OVERFLOWS), "overflow value"),
    "queue-mode": (_one_of("default", "lazy"), "queue-mode value"),
    "queue-version": (lambda value: value in (1, 2), "queue-version value"),
    "ha-mode": (_anything, ""),
    "ha-params": (_anything, ""),
    "ha-promote-on-failure": (_anything, ""),
    "ha-promote-on-shutdown": (_anything, ""),
    "ha-sync-batch-size": (_anything, ""),
    "ha-sync-mode": (_anything, ""),
    "max-age": (_anything, ""),
    "queue-leader-locator": (_anything, ""),
    "queue-master-locator": (_anything, ""),
    "stream-max-segment-size-bytes": (_anything, ""),
}
# Limits that an operator may lower.
_OPERATOR_KEYS = frozenset(
    {
        "delivery-limit",
        "expires",
        "max-in-memory-bytes",
        "max-in-memory-length",
        "max-length",
        "max-length-bytes",
        "message-ttl",
    }
)
