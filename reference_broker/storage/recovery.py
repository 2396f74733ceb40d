"""From a data directory back to a broker: users, vhosts, topology, messages, in this order."""

from itertools import groupby
from operator import itemgetter

from reference_broker.broker.access import Permission
from reference_broker.broker.broker import Broker
from reference_broker.broker.exchange import make_exchange
from reference_broker.broker.message import Message, Traits, read_traits
from reference_broker.broker.ports import StoreError
from reference_broker.broker.queue import Queue
from reference_broker.broker.queues import make_queue
from reference_broker.wire.content import body_size_of, properties_of
from reference_broker.wire.errors import HardError, SoftError, WireError
from reference_broker.wire.tables import Table, decode_table

from .schema import queue_and_position
from .settings import restore_user, restore_vhost
from .sqlite import SqliteStore


def recover(store: SqliteStore, broker: Broker) -> None:
    """Fill an empty broker with what the store holds. Raises StoreError, also when damaged."""
    try:
        _recover(store, broker)
    except (WireError, SoftError, HardError, KeyError) as cause:
        raise StoreError(f"the data directory is damaged: {cause!r}") from cause


def _recover(store: SqliteStore, broker: Broker) -> None:
    for name, settings in store.rows("select * from vhosts"):
        restore_vhost(broker.add_vhost(name), settings)
    for name, password_hash, tags, settings in store.rows("select * from users"):
        user = broker.access.add(name, password_hash, frozenset(tags.split(",")) - {""})
        restore_user(user, settings)
    for user, vhost, configure, write, read in store.rows("select * from permissions"):
        broker.access.users[user].permissions[vhost] = Permission(configure, write, read)
    _exchanges(store, broker)
    queues = _queues(store, broker)
    _bindings(store, broker)
    _messages(store, queues)


def _exchanges(store: SqliteStore, broker: Broker) -> None:
    for vhost, name, kind, auto_delete, internal, arguments in store.rows(
        "select * from exchanges"
    ):
        broker.vhosts[vhost].add_exchange(
            make_exchange(
                kind,
                name,
                durable=True,
                auto_delete=bool(auto_delete),
                internal=bool(internal),
                arguments=_table(arguments),
            )
        )


def _queues(store: SqliteStore, broker: Broker) -> dict[int, tuple[Queue, int]]:
    queues = {}
    for number, vhost, name, auto_delete, arguments, head in store.rows("select * from queues"):
        queue = make_queue(
            name,
            broker.clock,
            durable=True,
            auto_delete=bool(auto_delete),
            arguments=_table(arguments),
            semantics=broker.semantics,
        )
        queue.keep_in(store, number)
        broker.vhosts[vhost].add_queue(queue)
        queues[number] = queue, head
    return queues


def _bindings(store: SqliteStore, broker: Broker) -> None:
    for vhost_name, source, destination, to_queue, key, arguments in store.rows(
        "select * from bindings"
    ):
        vhost = broker.vhosts[vhost_name]
        ends = vhost.queues if to_queue else vhost.exchanges
        vhost.restore_binding(vhost.exchanges[source], ends[destination], key, _table(arguments))


def _messages(store: SqliteStore, queues: dict[int, tuple[Queue, int]]) -> None:
    traits: dict[bytes, Traits] = {}
    rows = store.rows("select * from messages order by place")
    placed = ((*queue_and_position(where), *rest) for where, *rest in rows)
    for number, group in groupby(placed, key=itemgetter(0)):
        queue, head = queues.pop(number)
        queue.recover(
            head,
            (
                (position, _message(exchange, key, frames, traits), expires or None, deliveries)
                for _number, position, exchange, key, frames, expires, deliveries in group
            ),
        )
    for queue, head in queues.values():
        queue.recover(head, ())


def _message(exchange: str, key: str, frames: bytes, known: dict[bytes, Traits]) -> Message:
    properties = properties_of(frames)
    traits = known.get(properties)
    if traits is None:
        traits = read_traits(properties)
        if len(known) < 1000:  # noqa: PLR2004  enough for what repeats
            known[properties] = traits
    return Message(exchange, key, frames, body_size_of(frames), traits)


def _table(encoded: bytes) -> Table:
    return decode_table(encoded, 0)[0]
