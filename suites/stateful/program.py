"""Programs as plain data: steps on named connections and channels, with symbolic names.

A string that begins with `$` stands for a name that each run makes its own (`$q0`). A delivery is
named by the queue that it came from and its body: tags depend on the order in which two queues
deliver, which nothing fixes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reference_broker.wire.spec import METHODS

SYMBOL = "$"
CONNECT, DROP = "connect", "drop"
"""The two actions that are no methods: open a connection, and lose it without a word."""

DELIVERY = "delivery"
"""The argument that names a delivery, (queue, body), in place of a delivery tag."""
ALIAS = "alias"
"""The argument that gives a name which the broker will make up its symbol."""
PROPERTIES, BODY = "properties", "body"


@dataclass(frozen=True, slots=True)
class Step:
    """One action of a client: a method on a channel (0 for the connection), or one of the two."""

    connection: str
    channel: int
    action: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def lane(self) -> str:
        """Where its reply comes."""
        return f"{self.connection}.{self.channel}"

    @property
    def has_reply(self) -> bool:
        """Whether the broker answers the method when nothing is wrong."""
        name = "basic.get-empty" if self.action == "basic.get" else f"{self.action}-ok"
        return name in METHODS and not self.arguments.get("no_wait")

    def __str__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        return f"{self.lane} {self.action}({shown})"


Program = tuple[Step, ...]


def dump(program: Iterable[Step]) -> list[list[Any]]:
    """The program as JSON has it."""
    return [[s.connection, s.channel, s.action, dict(s.arguments)] for s in program]


def load(rows: Iterable[Iterable[Any]]) -> Program:
    """The program that `dump` wrote."""
    return tuple(Step(*row) for row in rows)
