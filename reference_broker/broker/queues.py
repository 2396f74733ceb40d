"""Which class of queue a declare asks for."""

from functools import partial
from typing import TYPE_CHECKING

from reference_broker.semantics import RABBITMQ, Semantics
from reference_broker.wire.tables import Table

from .choosy import ChoosyQueue
from .ports import Clock
from .queue import Queue
from .quorum import QuorumQueue

if TYPE_CHECKING:
    from collections.abc import Callable


def make_queue(
    name: str,
    clock: Clock,
    semantics: Semantics = RABBITMQ,
    *,
    durable: bool,
    auto_delete: bool = False,
    owner: object | None = None,
    arguments: Table,
) -> Queue:
    """A queue of the type that its arguments name; `arguments.check_queue_type` has passed them."""
    made: Callable[..., Queue] = Queue
    if arguments.get("x-queue-type") == "quorum":
        made = QuorumQueue
    elif semantics.choosy_queues:
        made = partial(ChoosyQueue, semantics=semantics)
    return made(
        name, clock, durable=durable, auto_delete=auto_delete, owner=owner, arguments=arguments
    )
