"""What a transactional channel holds back until its commit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reference_broker.broker.message import Message

    from .channel import Unacked
    from .publishing import Route


@dataclass(slots=True)
class Transaction:
    """Publishes with their routes; deliveries settled, as (delivery tag, how, what)."""

    publishes: list[tuple[Route, Message]] = field(default_factory=list)
    settled: list[tuple[int, str, Unacked]] = field(default_factory=list)
