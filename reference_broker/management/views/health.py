"""What the broker is, whether it is well, and the limits of its resources."""

import os
import time
from typing import Any

from reference_broker.broker.exchange import TYPES
from reference_broker.management.call import NO_CONTENT, Answer, Call, answers, bad_request
from reference_broker.management.shapes import Shape
from reference_broker.session.opening import MECHANISMS, RABBITMQ
from reference_broker.version import VERSION

from .messages import send

_OK = {"status": "ok"}
_ALIVE = "aliveness-test"
_RESOURCES = {"memory": "memory", "disk": "disk space"}  # as the check names them


@answers("GET", "/overview")
def overview(call: Call) -> Shape:
    """Totals over the vhosts that the user may see."""
    vhosts, hub = call.vhosts(), call.desk.hub
    queues = [queue for vhost in vhosts for queue in vhost.queues.values()]
    sessions = [s for s in hub.sessions if any(s.inside(vhost) for vhost in vhosts)]
    ready, unacked = sum(map(len, queues)), sum(queue.unacked for queue in queues)
    return {
        "product_name": "mqproof reference broker",
        "product_version": VERSION,
        "rabbitmq_version": RABBITMQ,
        "management_version": VERSION,
        "cluster_name": call.desk.node,
        "node": call.desk.node,
        "exchange_types": _exchange_types(),
        "listeners": _listeners(call),
        "object_totals": {
            "connections": len(sessions),
            "channels": sum(len(session.channels) for session in sessions),
            "consumers": sum(len(queue.consumers) for queue in queues),
            "exchanges": sum(len(vhost.exchanges) for vhost in vhosts),
            "queues": len(queues),
        },
        "queue_totals": {
            "messages": ready + unacked,
            "messages_ready": ready,
            "messages_unacknowledged": unacked,
        },
    }


def _exchange_types() -> list[Shape]:
    return [
        {"name": name, "description": f"AMQP {name} exchange", "enabled": True} for name in TYPES
    ]


def _listeners(call: Call) -> list[Shape]:
    return [
        {"node": call.desk.node, "protocol": name, "ip_address": host, "port": port}
        for name, (host, port) in call.desk.host.addresses.items()
    ]


@answers("GET", "/cluster-name")
def cluster_name(call: Call) -> Shape:
    """The name of the only node."""
    return {"name": call.desk.node}


@answers("GET", "/nodes", tag="monitoring")
def nodes(call: Call) -> list[Shape]:
    """The only node."""
    return [node(call)]


@answers("GET", "/nodes/{node}", tag="monitoring")
def node(call: Call) -> Shape:
    """The node, whatever its name: there is only one."""
    resources, alarms = call.desk.resources, call.desk.hub.alarms
    return {
        "name": call.desk.node,
        "type": "disc" if call.desk.hub.broker.store is not None else "ram",
        "running": True,
        "os_pid": str(os.getpid()),
        "uptime": int((time.time() - call.desk.started) * 1000),
        "mem_used": resources.memory_used(),
        "mem_limit": resources.memory_limit,
        "mem_alarm": "memory" in alarms,
        "disk_free": resources.disk_free,
        "disk_free_limit": resources.disk_limit,
        "disk_free_alarm": "disk" in alarms,
        "auth_mechanisms": [{"name": name, "enabled": True} for name in MECHANISMS.split()],
        "exchange_types": _exchange_types(),
        "partitions": [],
    }


@answers("PUT", "/nodes/{node}/limits", tag="administrator")
def limit_resources(call: Call) -> Answer:
    """Set the watermarks, which RabbitMQ's command line alone can.

    `vm_memory_high_watermark` is a part of the machine's memory, or {"absolute": octets}, and
    `disk_free_limit` is in octets.
    """
    resources = call.desk.resources
    if "vm_memory_high_watermark" in call.body:
        value = call.body["vm_memory_high_watermark"]
        if isinstance(value, dict):
            resources.memory_limit = int(_number(value.get("absolute")))
        else:
            resources.memory_limit = int(resources.memory_total() * _number(value))
    if "disk_free_limit" in call.body:
        resources.disk_limit = int(_number(call.body["disk_free_limit"]))
    resources.check()
    return NO_CONTENT


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise bad_request(f"{value!r} is not a number of 0 or more")
    return value


@answers("GET", "/healthchecks/node", "/healthchecks/node/{node}", tag="monitoring")
def healthy(call: Call) -> Answer:
    """Whether no alarm is on."""
    reason = call.desk.hub.alarm
    if not reason:
        return Answer(200, _OK)
    return Answer(200, {"status": "failed", "reason": f"resource alarm(s) in effect: {reason}"})


@answers("GET", "/health/checks/alarms", "/health/checks/local-alarms", tag="monitoring")
def no_alarms(call: Call) -> Answer:
    """200 without an alarm, else 503."""
    node = call.desk.node
    alarms = [{"node": node, "resource": _RESOURCES[name]} for name in sorted(call.desk.hub.alarms)]
    if not alarms:
        return Answer(200, _OK)
    body = {"status": "failed", "reason": "There are alarms in effect in the cluster"}
    return Answer(503, {**body, "alarms": alarms})


@answers("GET", "/health/checks/virtual-hosts", tag="monitoring")
def vhosts_run(call: Call) -> Shape:  # noqa: ARG001  each vhost that exists runs
    """200, since a vhost that exists runs."""
    return _OK


@answers("GET", "/aliveness-test/{vhost}", tag="monitoring")
def alive(call: Call) -> Shape:
    """Declare a queue, publish to it, and take the message out again."""
    vhost = call.vhost()
    for right in ("configure", "write", "read"):
        call.user.check(vhost.name, right, "queue", _ALIVE)
    queue = vhost.declare_queue(_ALIVE, durable=False, auto_delete=False, owner=None, arguments={})
    if not send(vhost, "", _ALIVE, b"test_message", {}):
        raise bad_request("the message did not reach the queue")
    taken = queue.fetch()
    if taken is None:
        raise bad_request("the message is not in the queue")
    queue.settle(*taken[:2])
    return _OK
