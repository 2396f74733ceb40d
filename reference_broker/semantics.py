"""Where RabbitMQ departs from the specification and the wire can show it, as one table.

Each field of Semantics is one choice: False does as RabbitMQ does, True as the specification says.
Its `rules` are the named rules of amqp0-9-1.xml, or `pdf.SECTION/NAME` where the prose alone says
so. What costs time where messages pass is decided once, when a connection, a channel or a queue is
made, and never message by message.
"""

from dataclasses import dataclass, field, fields
from typing import NamedTuple


class Departure(NamedTuple):
    """One choice: its field, the rules it is about, and both behaviours."""

    name: str
    rules: tuple[str, ...]
    rabbitmq: str
    spec: str


def _departs(*rules: str, rabbitmq: str, spec: str) -> bool:
    told = {"rules": rules, "rabbitmq": rabbitmq, "spec": spec}
    chosen: bool = field(default=False, metadata=told)
    return chosen


@dataclass(frozen=True, slots=True)
class Semantics:
    """Which way is taken, choice by choice."""

    legal_names: bool = _departs(
        "exchange.declare.exchange/syntax",
        "queue.declare.queue/syntax",
        rabbitmq="a name may be any UTF-8",
        spec="letters, digits, hyphen, underscore, period and colon; else 406",
    )
    missing_is_error: bool = _departs(
        "exchange.delete.exchange/exists",
        "exchange.unbind.destination/must-exist",
        "exchange.unbind.source/must-exist",
        "queue.delete.queue/must-exist",
        "queue.unbind.exchange/must-exist",
        "queue.unbind.queue/must-exist",
        rabbitmq="to delete or unbind what is not there is a success",
        spec="404",
    )
    default_exchange_binds: bool = _departs(
        "exchange.bind.destination/default-exchange",
        "exchange.bind.source/default-exchange",
        "exchange.unbind.destination/default-exchange",
        "exchange.unbind.source/default-exchange",
        "queue.bind.exchange/default-exchange",
        "queue.unbind.exchange/default-exchange",
        rabbitmq="403 for any binding of the default exchange",
        spec="it is bound and unbound like any other",
    )
    all_arguments_count: bool = _departs(
        "exchange.declare.passive/equivalent",
        "queue.declare.passive/equivalent",
        rabbitmq="of the arguments of two declares only known ones are compared",
        spec="the others are, too; 406",
    )
    auto_delete_ignored: bool = _departs(
        "exchange.declare.auto-delete/amq_exchange_25",
        rabbitmq="an exchange that is there and auto-deletes otherwise: 406",
        spec="the bit counts only when an exchange is made",
    )
    no_local: bool = _departs(
        "pdf.basic.consume/no-local",
        rabbitmq="the bit is ignored",
        spec="a consumer is not given what its own connection published",
    )
    refused_goes_elsewhere: bool = _departs(
        "basic.nack.requeue/01",
        "basic.reject.requeue/01",
        rabbitmq="what comes back may go to whoever refused it",
        spec="never again to the same channel",
    )
    channel_numbers: bool = _departs(
        "connection.tune-ok.channel-max/upper-limit",
        "pdf.2.3.3/limits-enforced",
        rabbitmq="channel-max counts the open channels, whatever their numbers",
        spec="no channel's number is above channel-max",
    )
    flow: bool = _departs(
        "channel.flow/bidirectional",
        "channel.flow/initial-state",
        rabbitmq="540 for a client that wants to pause",
        spec="deliveries to the channel pause until it is active again",
    )
    bare_until_open: bool = _departs(
        "pdf.2.2.4/no-handshake-before-open",
        rabbitmq="between Tune-Ok and Open a method out of state is told by a Close",
        spec="the bare end of the socket",
    )
    prefetch_octets: bool = _departs(
        "basic.qos.prefetch-size/01",
        rabbitmq="540 for any prefetch-size",
        spec="no more octets of body are out to a channel, but one message may always be",
    )
    recover_to_same: bool = _departs(
        "pdf.basic.recover/requeue",
        rabbitmq="540 for a recover without requeue",
        spec="what is out is delivered again to whom it was delivered",
    )
    whole_frames_count: bool = _departs(
        "pdf.4.2.3/oversized-frame",
        rabbitmq="frame-max is compared with a frame's payload",
        spec="with the whole frame",
    )
    field_names: bool = _departs(
        "pdf.4.2.5.5/field-name-form",
        "pdf.4.2.5.5/field-name-validated",
        rabbitmq="fields of a method's tables may have any name",
        spec="a letter, $ or # first, at most 128 characters; 503",
    )
    no_zero_octets: bool = _departs(
        "pdf.4.2.5.3/short-string-no-nul",
        rabbitmq="a method's short strings may hold zero octets",
        spec="502",
    )
    persistent_stays: bool = _departs(
        "basic/02",
        rabbitmq="a full queue drops from its head, persistent messages as well",
        spec="it drops transient ones, and takes persistent ones above its limit; dead letters "
        "may be either",
    )
    deleted_is_buried: bool = _departs(
        "queue.delete/01",
        rabbitmq="messages pending on a deleted queue are gone",
        spec="they go to the queue's dead-letter exchange, if it has one",
    )
    priorities: bool = _departs(
        "basic/06",
        "basic/07",
        rabbitmq="only a queue declared with x-max-priority knows priorities",
        spec="every queue knows ten",
    )
    immediate: bool = _departs(
        "basic.publish.immediate/01",
        rabbitmq="540 for an immediate message",
        spec="it goes to those queues that can deliver it at once; 313 where there is none",
    )
    own_deaths: bool = _departs(
        rabbitmq="before 4.0: an x-death header that a client wrote is believed",
        spec="as from 4.0: only the broker's own is",
    )

    @property
    def choosy_queues(self) -> bool:
        """Whether a consumer may decline what is first in line, or the line has other rules."""
        return (
            self.no_local
            or self.refused_goes_elsewhere
            or self.prefetch_octets
            or self.persistent_stays
            or self.deleted_is_buried
            or self.priorities
        )


RABBITMQ = Semantics()
SPEC = Semantics(**{choice.name: True for choice in fields(Semantics)})
BY_NAME = {"rabbitmq": RABBITMQ, "spec": SPEC}

DEPARTURES = tuple(Departure(choice.name, **choice.metadata) for choice in fields(Semantics))
