"""What one test leaves for its verdict and its record."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from reports.model import Closing
from suites.clients.raw import RawClient
from suites.clients.transcript import Transcript
from suites.harness.verdict import Judgement, Seen


@dataclass
class Evidence:
    """Filled while the test runs; `seconds` over setup, call and teardown."""

    transcript: Transcript = field(default_factory=Transcript)
    clients: list[RawClient] = field(default_factory=list)
    observations: list[str] = field(default_factory=list)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    seconds: float = 0.0
    log: str | None = None
    seen: Seen | None = None
    judgement: Judgement | None = None

    @property
    def observation(self) -> str | None:
        """All that was observed, as one text."""
        return "; ".join(self.observations) or None

    @property
    def closing(self) -> Closing | None:
        """The worst way in which the broker ended one of the raw connections, if it did."""
        found = [client.closing for client in self.clients if client.closing is not None]
        return max(found, key=list(Closing).index, default=None)


EVIDENCE = pytest.StashKey[Evidence]()
