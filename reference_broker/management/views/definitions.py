"""Definitions: export and import of everything but messages."""

from reference_broker.broker.definitions import DefinitionsError, define
from reference_broker.management import shapes
from reference_broker.management.call import NO_CONTENT, Answer, Call, answers, bad_request
from reference_broker.management.shapes import Shape
from reference_broker.session.opening import RABBITMQ
from reference_broker.version import VERSION

from .entities import bindings_in

_QUEUE = ("name", "vhost", "durable", "auto_delete", "arguments")
_EXCHANGE = ("name", "vhost", "type", "durable", "auto_delete", "internal", "arguments")
_BINDING = ("source", "vhost", "destination", "destination_type", "routing_key", "arguments")


@answers("GET", "/definitions", tag="administrator")
def export_all(call: Call) -> Shape:
    """All of it, as RabbitMQ imports it; without exclusive queues and what is predeclared."""
    users = list(call.desk.hub.broker.access.users.values())
    return {
        "rabbit_version": RABBITMQ,
        "product_name": "mqproof reference broker",
        "product_version": VERSION,
        "users": [shapes.user(user) for user in users],
        "vhosts": [{"name": vhost.name} for vhost in call.vhosts()],
        "permissions": [
            shapes.permission(user, vhost, rights)
            for user in users
            for vhost, rights in user.permissions.items()
        ],
        "topic_permissions": [shape for user in users for shape in shapes.topic_permissions(user)],
        "global_parameters": [],
        **_of_vhosts(call),
    }


@answers("GET", "/definitions/{vhost}", tag="administrator")
def export_vhost(call: Call) -> Shape:
    """What is in one vhost, without its name, so that it can be put into another."""
    found = _of_vhosts(call)
    for entries in found.values():
        for entry in entries:
            del entry["vhost"]
    return {"rabbit_version": RABBITMQ, **found}


def _of_vhosts(call: Call) -> dict[str, list[Shape]]:
    vhosts = call.vhosts()
    queues = [
        shapes.queue(v, q, call.desk.node)
        for v in vhosts
        for q in v.queues.values()
        if not q.exclusive
    ]
    exchanges = [
        shapes.exchange(v, e)
        for v in vhosts
        for e in v.exchanges.values()
        if e.name and not e.name.startswith("amq.")
    ]
    bindings = [
        shapes.binding(vhost, binding)
        for vhost, binding in bindings_in(vhosts)
        if binding.source.name and not getattr(binding.destination, "exclusive", False)
    ]
    return {
        "parameters": _parameters(call),
        "policies": [shapes.policy(v, p) for v in vhosts for p in v.policies.ordinary.values()],
        "queues": [_only(shape, _QUEUE) for shape in queues],
        "exchanges": [_only(shape, _EXCHANGE) for shape in exchanges],
        "bindings": [_only(shape, _BINDING) for shape in bindings],
    }


def _only(shape: Shape, names: tuple[str, ...]) -> Shape:
    return {name: shape[name] for name in names}


def _parameters(call: Call) -> list[Shape]:
    found: list[Shape] = []
    for vhost in call.vhosts():
        if vhost.limits:
            entry = {"vhost": vhost.name, "component": "vhost-limits", "name": "limits"}
            found.append({**entry, "value": vhost.limits})
        for policy in vhost.policies.operator.values():
            value = shapes.policy(vhost, policy)
            entry = {name: value.pop(name) for name in ("vhost", "name")}
            found.append({**entry, "component": "operator_policy", "value": value})
    return found


@answers("GET", "/parameters", tag="policymaker")
def parameters(call: Call) -> list[Shape]:
    """Operator policies and limits of vhosts, as parameters."""
    return _parameters(call)


@answers("POST", "/definitions", "/definitions/{vhost}", tag="administrator")
def import_definitions(call: Call) -> Answer:
    """Add what the body defines."""
    vhost = call.vhost(body=True).name if "vhost" in call.path else None
    try:
        define(call.desk.hub.broker, dict(call.body), vhost)
    except DefinitionsError as cause:
        raise bad_request(str(cause)) from cause
    return NO_CONTENT
