"""Exchanges, queues and bindings. Who changes one needs the rights that AMQP asks for."""

from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from reference_broker.broker.exchange import Binding, Exchange
from reference_broker.broker.queue import Queue
from reference_broker.broker.vhost import VHost
from reference_broker.management import shapes
from reference_broker.management.call import (
    NO_CONTENT,
    Answer,
    Call,
    answers,
    has_tag,
    not_found,
    put,
)
from reference_broker.management.shapes import Shape

_DEFAULT = "amq.default"


def exchange_name(path: str) -> str:
    """An exchange's name; an address cannot hold the empty one."""
    return "" if path == _DEFAULT else path


def named_queue(call: Call, vhost: VHost) -> Queue:
    """The queue that the path names. Raises Refusal 404."""
    found = vhost.queues.get(call.path["name"])
    if found is None:
        raise not_found()
    return found


def _named_exchange(call: Call, vhost: VHost, part: str = "name") -> Exchange:
    found = vhost.exchanges.get(exchange_name(call.path[part]))
    if found is None:
        raise not_found()
    return found


def _flag(call: Call, name: str) -> bool:
    return call.query.get(name) == "true"


def _check(call: Call, vhost: VHost, what: str, queue: Queue) -> None:
    """Refuse who may not; an administrator may ask with `operator=true`, as the command line does.

    Raises SoftError 403.
    """
    if not (_flag(call, "operator") and has_tag(call.user, "administrator")):
        call.user.check(vhost.name, what, "queue", queue.name)


# exchanges


@answers("GET", "/exchanges", "/exchanges/{vhost}")
def all_exchanges(call: Call) -> list[Shape]:
    """Those that the user may see."""
    return [
        shapes.exchange(v, e) for v in call.vhosts() for _name, e in sorted(v.exchanges.items())
    ]


@answers("GET", "/exchanges/{vhost}/{name}")
def one_exchange(call: Call) -> Shape:
    """One."""
    vhost = call.vhost()
    return shapes.exchange(vhost, _named_exchange(call, vhost))


@answers("PUT", "/exchanges/{vhost}/{name}")
def declare_exchange(call: Call) -> Answer:
    """Declare it; the type is direct, and it is durable, unless the body says otherwise."""
    vhost, name = call.vhost(body=True), call.path["name"]
    call.user.check(vhost.name, "configure", "exchange", name)
    existed = name in vhost.exchanges
    vhost.declare_exchange(
        name,
        call.option("type", str, "direct"),
        durable=call.option("durable", bool, True),
        auto_delete=call.option("auto_delete", bool, False),
        internal=call.option("internal", bool, False),
        arguments=call.option("arguments", dict, {}),
    )
    return put(existed)


@answers("DELETE", "/exchanges/{vhost}/{name}")
def delete_exchange(call: Call) -> Answer:
    """Delete it; `if-unused=true` only without bindings."""
    vhost = call.vhost()
    exchange = _named_exchange(call, vhost)
    call.user.check(vhost.name, "configure", "exchange", exchange.name)
    vhost.delete_exchange(exchange.name, if_unused=_flag(call, "if-unused"))
    return NO_CONTENT


# queues


@answers("GET", "/queues", "/queues/{vhost}")
def all_queues(call: Call) -> list[Shape]:
    """Those that the user may see."""
    node = call.desk.node
    return [
        shapes.queue(v, q, node) for v in call.vhosts() for _name, q in sorted(v.queues.items())
    ]


@answers("GET", "/queues/{vhost}/{name}")
def one_queue(call: Call) -> Shape:
    """One, with its consumers."""
    vhost, node = call.vhost(), call.desk.node
    queue = named_queue(call, vhost)
    details = [shapes.consumer(vhost, c, node) for c in shapes.consumers_of(queue)]
    return {**shapes.queue(vhost, queue, node), "consumer_details": details}


@answers("PUT", "/queues/{vhost}/{name}")
def declare_queue(call: Call) -> Answer:
    """Declare it; it is durable unless the body says otherwise."""
    vhost, name = call.vhost(body=True), call.path["name"]
    call.user.check(vhost.name, "configure", "queue", name)
    existed = name in vhost.queues
    vhost.declare_queue(
        name,
        durable=call.option("durable", bool, True),
        auto_delete=call.option("auto_delete", bool, False),
        owner=None,
        arguments=call.option("arguments", dict, {}),
    )
    return put(existed)


@answers("DELETE", "/queues/{vhost}/{name}")
def delete_queue(call: Call) -> Answer:
    """Delete it; `if-empty=true` and `if-unused=true` only so."""
    vhost = call.vhost()
    named_queue(call, vhost)
    queue = vhost.queue(call.path["name"], None)  # nobody's exclusive one
    _check(call, vhost, "configure", queue)
    vhost.delete_queue(queue, if_unused=_flag(call, "if-unused"), if_empty=_flag(call, "if-empty"))
    return NO_CONTENT


@answers("DELETE", "/queues/{vhost}/{name}/contents")
def purge_queue(call: Call) -> Answer:
    """Drop its ready messages."""
    vhost = call.vhost()
    named_queue(call, vhost)
    queue = vhost.queue(call.path["name"], None)
    _check(call, vhost, "read", queue)
    queue.purge()
    return NO_CONTENT


# bindings


def bindings_in(vhosts: Iterable[VHost]) -> list[tuple[VHost, Binding]]:
    """All bindings of these vhosts."""
    return [
        (vhost, binding)
        for vhost in vhosts
        for _name, exchange in sorted(vhost.exchanges.items())
        for binding in exchange.bindings.values()
    ]


@answers("GET", "/bindings", "/bindings/{vhost}")
def all_bindings(call: Call) -> list[Shape]:
    """Those that the user may see."""
    return [shapes.binding(*found) for found in bindings_in(call.vhosts())]


@answers("GET", "/queues/{vhost}/{name}/bindings")
def bindings_of_queue(call: Call) -> list[Shape]:
    """Those that lead to a queue."""
    vhost = call.vhost()
    queue = named_queue(call, vhost)
    return [shapes.binding(*f) for f in bindings_in([vhost]) if f[1].destination is queue]


@answers("GET", "/exchanges/{vhost}/{name}/bindings/source")
def bindings_from_exchange(call: Call) -> list[Shape]:
    """Those that lead on from an exchange."""
    vhost = call.vhost()
    exchange = _named_exchange(call, vhost)
    return [shapes.binding(vhost, binding) for binding in exchange.bindings.values()]


@answers("GET", "/exchanges/{vhost}/{name}/bindings/destination")
def bindings_to_exchange(call: Call) -> list[Shape]:
    """Those that lead to an exchange."""
    vhost = call.vhost()
    exchange = _named_exchange(call, vhost)
    return [shapes.binding(*f) for f in bindings_in([vhost]) if f[1].destination is exchange]


_BETWEEN = "/bindings/{vhost}/e/{source}/{kind:[qe]}/{destination}"


def _ends(call: Call, vhost: VHost) -> tuple[Exchange, Exchange | Queue]:
    source = vhost.exchange(exchange_name(call.path["source"]))
    name = call.path["destination"]
    if call.path["kind"] == "e":
        return source, vhost.exchange(name)
    return source, vhost.queue(name, None)


def _between(call: Call) -> tuple[VHost, list[Binding]]:
    vhost = call.vhost()
    source, destination = _ends(call, vhost)
    return vhost, [b for b in source.bindings.values() if b.destination is destination]


def _one_between(call: Call) -> tuple[VHost, Binding]:
    vhost, found = _between(call)
    # Servers undo one encoding of an address: the key is accepted with and without it.
    keys = {call.path["props"], quote_plus(call.path["props"])}
    for binding in found:
        if shapes.properties_key(binding) in keys:
            return vhost, binding
    raise not_found()


@answers("GET", _BETWEEN)
def bindings_between(call: Call) -> list[Shape]:
    """Those from an exchange to a queue or another exchange."""
    vhost, found = _between(call)
    return [shapes.binding(vhost, binding) for binding in found]


@answers("POST", _BETWEEN)
def bind(call: Call) -> Answer:
    """Bind; the header Location tells the address of the binding, relative to this one."""
    vhost = call.vhost(body=True)
    source, destination = _ends(call, vhost)
    kind = "exchange" if isinstance(destination, Exchange) else "queue"
    call.user.check(vhost.name, "write", kind, destination.name)
    call.user.check(vhost.name, "read", "exchange", source.name)
    key, arguments = call.option("routing_key", str, ""), call.option("arguments", dict, {})
    vhost.not_default(source.name)
    vhost.bind(source, destination, key, arguments)
    encoded = quote(shapes.properties_key(Binding(source, destination, key, arguments)), safe="~")
    return Answer(201, headers={"location": f"{quote(destination.name, safe='')}/{encoded}"})


@answers("GET", _BETWEEN + "/{props}")
def one_binding(call: Call) -> Shape:
    """One."""
    return shapes.binding(*_one_between(call))


@answers("DELETE", _BETWEEN + "/{props}")
def unbind(call: Call) -> Answer:
    """Unbind."""
    vhost, binding = _one_between(call)
    kind = "exchange" if isinstance(binding.destination, Exchange) else "queue"
    call.user.check(vhost.name, "write", kind, binding.destination.name)
    call.user.check(vhost.name, "read", "exchange", binding.source.name)
    vhost.not_default(binding.source.name)
    vhost.unbind(binding.source, binding.destination, binding.routing_key, binding.arguments, None)
    return NO_CONTENT
