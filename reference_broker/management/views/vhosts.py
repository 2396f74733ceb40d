"""Vhosts and their limits."""

from typing import Any

from reference_broker.broker.access import Permission
from reference_broker.broker.definitions import VHOST_LIMITS, checked_limits, tags_of
from reference_broker.broker.vhost import VHost
from reference_broker.management.call import (
    NO_CONTENT,
    Answer,
    Call,
    Refusal,
    answers,
    bad_request,
    not_found,
    put,
)
from reference_broker.management.shapes import Shape
from reference_broker.session import operations

FULL = Permission()


@answers("GET", "/vhosts")
def all_vhosts(call: Call) -> list[Shape]:
    """Those that the user may see."""
    return [_shape(call, vhost) for vhost in call.vhosts()]


@answers("GET", "/vhosts/{vhost}")
def one_vhost(call: Call) -> Shape:
    """One."""
    return _shape(call, call.vhost())


def _shape(call: Call, vhost: VHost) -> Shape:
    ready = sum(len(queue) for queue in vhost.queues.values())
    unacked = sum(queue.unacked for queue in vhost.queues.values())
    return {
        "name": vhost.name,
        "description": vhost.description,
        "tags": vhost.tags,
        "metadata": {"description": vhost.description, "tags": vhost.tags},
        "tracing": False,
        "cluster_state": {call.desk.node: "running"},
        "messages": ready + unacked,
        "messages_ready": ready,
        "messages_unacknowledged": unacked,
    }


@answers("PUT", "/vhosts/{vhost}", tag="administrator")
def add_vhost(call: Call) -> Answer:
    """Create a vhost, or change what is said of it; who creates one may do all in it."""
    broker, name = call.desk.hub.broker, call.path["vhost"]
    if call.option("tracing", bool, False):
        raise bad_request("tracing is not supported by this broker")
    existed = name in broker.vhosts
    vhost = broker.add_vhost(name)
    vhost.description = call.option("description", str, vhost.description)
    try:
        vhost.tags = tags_of(call.body.get("tags", vhost.tags))
    except ValueError as cause:
        raise bad_request(str(cause)) from cause
    broker.save_vhost(vhost)
    if not existed:
        broker.permit(call.user, name, FULL)
    return put(existed)


@answers("DELETE", "/vhosts/{vhost}", tag="administrator")
def delete_vhost(call: Call) -> Answer:
    """Delete a vhost with all in it; its connections are closed."""
    vhost = call.vhost()
    if vhost.name in call.desk.hub.broker.in_use:
        raise bad_request(f"vhost '{vhost.name}' is served by another protocol of this broker")
    operations.delete_vhost(call.desk.hub, vhost)
    return NO_CONTENT


@answers("GET", "/vhost-limits", "/vhost-limits/{vhost}")
def vhost_limits(call: Call) -> list[Shape]:
    """The limits of those vhosts that have any."""
    return [{"vhost": v.name, "value": v.limits} for v in call.vhosts() if v.limits]


@answers("PUT", "/vhost-limits/{vhost}/{limit}", tag="administrator")
def limit_vhost(call: Call) -> Answer:
    """Set one limit."""
    vhost = call.vhost(body=True)
    change(vhost.limits, call, VHOST_LIMITS)
    call.desk.hub.broker.save_vhost(vhost)
    return NO_CONTENT


def change(limits: dict[str, int], call: Call, known: tuple[str, ...]) -> None:
    """Set the limit that the path names to the value in the body."""
    [value] = call.need("value")
    limits.update(validated(checked_limits, {call.path["limit"]: value}, known))


def validated(check: Any, *arguments: Any, **options: Any) -> Any:
    """What a check gives. Raises Refusal 400 for its ValueError."""
    try:
        return check(*arguments, **options)
    except ValueError as cause:
        raise Refusal(400, "bad_request", f"Validation failed\n\n{cause}\n") from cause


@answers("DELETE", "/vhost-limits/{vhost}/{limit}", tag="administrator")
def free_vhost(call: Call) -> Answer:
    """Remove one limit."""
    vhost = call.vhost()
    if call.path["limit"] not in VHOST_LIMITS:
        raise not_found()
    vhost.limits.pop(call.path["limit"], None)
    call.desk.hub.broker.save_vhost(vhost)
    return NO_CONTENT
