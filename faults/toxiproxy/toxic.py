"""One toxic of a proxy, as the API names it."""

from random import Random
from typing import Any

from faults.proxy import Direction, Link, LinkFault, Proxy

from .closers import Timeout
from .errors import bad_request, invalid_stream, invalid_type
from .kinds import KINDS

WAYS: dict[str, Direction] = {"upstream": "up", "downstream": "down"}


class NamedToxic:
    """Its settings, and the fault that it is while its proxy runs."""

    def __init__(self, given: dict[str, Any], seed: int) -> None:
        self.type = text(given, "type", "")
        self.stream = text(given, "stream", "downstream")
        if self.stream not in WAYS:
            raise invalid_stream()
        if self.type not in KINDS:
            raise invalid_type()
        self.name = text(given, "name", "") or f"{self.type}_{self.stream}"
        self.toxicity = 1.0
        self._kind = KINDS[self.type]
        self._seed = seed
        self._fault: LinkFault | None = None
        self.attributes: dict[str, Any] = dict(self._kind.defaults)
        self.update(given)

    @property
    def json(self) -> dict[str, Any]:
        """As the API shows it."""
        names = ("attributes", "name", "type", "stream", "toxicity")
        return {name: getattr(self, name) for name in names}

    def update(self, given: dict[str, Any]) -> None:
        """Take over the attributes and the toxicity; ApiError, and no change, if one is wrong."""
        toxicity = given.get("toxicity")
        if toxicity is None:
            toxicity = self.toxicity
        if not isinstance(toxicity, int | float) or not 0 <= toxicity <= 1:
            raise bad_request(f"toxicity is {toxicity!r}: give a number from 0 to 1")
        attributes = self._kind.complete(given.get("attributes"), self.attributes)
        self._kind.toxic(attributes, self._seed)
        self.attributes = attributes
        self.toxicity = toxicity

    def enter(self, proxy: Proxy) -> None:
        """Bring it into force, or what it was before up to date."""
        former = self._fault
        toxic = self._kind.toxic(self.attributes, self._seed)
        self._fault = proxy.fault(toxic, direction=WAYS[self.stream], only=self._befalls)
        self._fault.start()
        if former is not None:
            if isinstance(former.toxic, Timeout):
                former.toxic.replaced = True
            former.stop()

    def leave(self) -> None:
        """Heal the connections."""
        if self._fault is not None:
            self._fault.stop()
            self._fault = None

    def _befalls(self, link: Link) -> bool:
        # Repeatable with the seed, whatever other toxics draw.
        chance = Random(f"{self._seed} {self.name} {link.number}").random()  # noqa: S311  no secret
        return chance < self.toxicity


def text(given: dict[str, Any], name: str, default: str) -> str:
    """A member that is a string; ApiError when it is something else."""
    value = given.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise bad_request(f"{name} is {value!r}: give a string")
    return value
