"""What came from the broker: methods, and methods with their content."""

from dataclasses import dataclass
from typing import Any

from reference_broker.wire.framing import Frame

BODY_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Received:
    """One method that the broker sent; `received["queue"]` is an argument, by its spec name."""

    name: str
    channel: int
    arguments: dict[str, Any]

    def __getitem__(self, argument: str) -> Any:
        return self.arguments[argument]

    def __str__(self) -> str:
        """The canonical short form that expectation files match on."""
        code = f" {self.arguments['reply_code']}" if "reply_code" in self.arguments else ""
        return f"{self.name}{code}"

    @property
    def detail(self) -> str:
        """The broker's own words in a Close or Return; empty for other methods."""
        return str(self.arguments.get("reply_text", ""))


@dataclass(frozen=True, slots=True)
class Delivery(Received):
    """A deliver, get-ok or return with its content.

    `header` is the content header's payload as it came, `frames` are the header and body frames.
    """

    properties: dict[str, Any]
    header: bytes
    body: bytes
    frames: tuple[Frame, ...]

    def __str__(self) -> str:
        """The canonical short form: the method and the body's beginning."""
        shown = self.body[:BODY_SHOWN]
        more = "…" if len(self.body) > BODY_SHOWN else ""
        return f"{Received.__str__(self)} {shown!r}{more}"
