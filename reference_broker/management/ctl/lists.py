"""Commands that list something: each takes the names of its columns."""

import json
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from .api import Refused
from .command import COMMANDS, Task, command
from .terms import Arguments, Tags

Shape = Mapping[str, Any]
Columns = Mapping[str, Callable[[Shape], Any]]


def _same(*names: str) -> Columns:
    """Columns that are fields of the API."""
    return {name: itemgetter(name) for name in names}


def _of_tls(*names: str) -> Columns:
    """Columns that are fields of connections with TLS alone, and empty for others."""
    return {name: lambda shape, name=name: shape.get(name, "") for name in names}  # type: ignore[misc]


_ARGUMENTS: Columns = {"arguments": lambda shape: Arguments(shape["arguments"])}
_POLICY: Columns = {"policy": lambda shape: shape.get("policy")}

QUEUES: Columns = {
    **_same("name", "durable", "auto_delete", "exclusive", "type", "state", "consumers"),
    **_same("messages", "messages_ready", "messages_unacknowledged", "operator_policy"),
    **_same("exclusive_consumer_tag"),
    **_ARGUMENTS,
    **_POLICY,
    "effective_policy_definition": lambda q: Arguments(q["effective_policy_definition"]),
    "owner_pid": lambda q: q.get("owner_pid_details", {}).get("name"),
}
EXCHANGES: Columns = {
    **_same("name", "type", "durable", "auto_delete", "internal"),
    **_ARGUMENTS,
    **_POLICY,
}
BINDINGS: Columns = {
    "source_name": lambda binding: binding["source"],
    "source_kind": lambda _binding: "exchange",
    "destination_name": lambda binding: binding["destination"],
    "destination_kind": lambda binding: binding["destination_type"],
    **_same("routing_key"),
    **_ARGUMENTS,
    **_same("vhost"),
}
CONNECTIONS: Columns = {
    **_same("user", "peer_host", "peer_port", "state", "channels", "vhost", "name"),
    **_same("channel_max", "frame_max", "timeout", "auth_mechanism", "host", "port", "ssl"),
    **_same("connected_at"),
    **_of_tls("ssl_protocol", "peer_cert_subject", "peer_cert_issuer"),
    "protocol": lambda _connection: "{0,9,1}",  # there is no other
    "client_properties": lambda connection: Arguments(connection["client_properties"]),
    "pid": lambda connection: connection["name"],  # by which close_connection knows it
}
CHANNELS: Columns = {
    "pid": lambda channel: channel["name"],
    **_same("user", "consumer_count", "messages_unacknowledged", "name", "number", "vhost"),
    **_same("transactional", "confirm", "messages_unconfirmed", "messages_uncommitted"),
    **_same("acks_uncommitted", "prefetch_count", "global_prefetch_count"),
    "connection": lambda channel: channel["connection_details"]["name"],
}
CONSUMERS: Columns = {
    "queue_name": lambda consumer: consumer["queue"]["name"],
    "channel_pid": lambda consumer: consumer["channel_details"]["name"],
    **_same("consumer_tag", "ack_required", "prefetch_count", "active"),
    **_ARGUMENTS,
}
USERS: Columns = {
    "user": lambda user: user["name"],
    "tags": lambda user: Tags(user["tags"]),
}
VHOSTS: Columns = {
    **_same("name", "tracing", "description"),
    "tags": lambda vhost: Tags(vhost["tags"]),
    "cluster_state": lambda vhost: Arguments(vhost["cluster_state"]),
}
PERMISSIONS: Columns = _same("user", "configure", "write", "read")
OF_USER: Columns = _same("vhost", "configure", "write", "read")
TOPIC_PERMISSIONS: Columns = _same("user", "exchange", "write", "read")
POLICIES: Columns = {
    **_same("vhost", "name", "pattern", "apply-to"),
    "definition": lambda policy: _compact(policy["definition"]),
    **_same("priority"),
}


def _compact(definition: Any) -> str:
    return json.dumps(definition, separators=(",", ":"))


def _write(
    task: Task, shapes: Sequence[Shape], columns: Columns, default: Sequence[str] | None = None
) -> None:
    """The columns that were asked for, or the default ones, or all."""
    chosen = _chosen(task, columns, default)
    task.output.rows(chosen, [{name: columns[name](shape) for name in chosen} for shape in shapes])


def _chosen(task: Task, columns: Columns, default: Sequence[str] | None) -> Sequence[str]:
    chosen = task.arguments or default or tuple(columns)
    unknown = [name for name in chosen if name not in columns]
    if unknown:
        why = f"Info key(s) {','.join(unknown)} are not supported"
        raise COMMANDS[task.words.command].misused(why, task.words)
    return chosen


def _in_vhost(task: Task, kind: str) -> Sequence[Shape]:
    """What is in the vhost; nothing where there is no such vhost, as rabbitmqctl has it."""
    try:
        found: Sequence[Shape] = task.api.get(kind, task.vhost)
    except Refused as refused:
        if not refused.missing:
            raise
        return []
    return found


@command("list_queues [--vhost <vhost>] [<column> ...]", 0, 99)
def list_queues(task: Task) -> None:
    """The queues of a vhost."""
    _chosen(task, QUEUES, None)
    task.output.banner("Timeout: 60.0 seconds ...")
    task.output.banner(f"Listing queues for vhost {task.vhost} ...")
    _write(task, _in_vhost(task, "queues"), QUEUES, ("name", "messages"))


@command("list_exchanges [--vhost <vhost>] [<column> ...]", 0, 99)
def list_exchanges(task: Task) -> None:
    """The exchanges of a vhost."""
    task.output.banner(f"Listing exchanges for vhost {task.vhost} ...")
    _write(task, _in_vhost(task, "exchanges"), EXCHANGES, ("name", "type"))


@command("list_bindings [--vhost <vhost>] [<column> ...]", 0, 99)
def list_bindings(task: Task) -> None:
    """The bindings of a vhost."""
    task.output.banner(f"Listing bindings for vhost {task.vhost}...")
    _write(task, _in_vhost(task, "bindings"), BINDINGS, tuple(BINDINGS)[:6])


@command("list_connections [<column> ...]", 0, 99)
def list_connections(task: Task) -> None:
    """All connections."""
    task.output.banner("Listing connections ...")
    _write(task, task.api.get("connections"), CONNECTIONS, tuple(CONNECTIONS)[:4])


@command("list_channels [<column> ...]", 0, 99)
def list_channels(task: Task) -> None:
    """All channels."""
    task.output.banner("Listing channels ...")
    _write(task, task.api.get("channels"), CHANNELS, tuple(CHANNELS)[:4])


@command("list_consumers [--vhost <vhost>] [<column> ...]", 0, 99)
def list_consumers(task: Task) -> None:
    """The consumers of a vhost's queues."""
    task.output.banner(f"Listing consumers in vhost {task.vhost} ...")
    _write(task, _in_vhost(task, "consumers"), CONSUMERS)


@command("list_users")
def list_users(task: Task) -> None:
    """All users."""
    task.output.banner("Listing users ...")
    _write(task, task.api.get("users"), USERS)


@command("list_vhosts [<column> ...]", 0, 99)
def list_vhosts(task: Task) -> None:
    """All vhosts."""
    task.output.banner("Listing vhosts ...")
    _write(task, task.api.get("vhosts"), VHOSTS, ("name",))


@command("list_permissions [--vhost <vhost>]")
def list_permissions(task: Task) -> None:
    """Who may do what in a vhost."""
    task.output.banner(f'Listing permissions for vhost "{task.vhost}" ...')
    _write(task, task.api.get("vhosts", task.vhost, "permissions"), PERMISSIONS)


@command("list_user_permissions <username>", 1)
def list_user_permissions(task: Task) -> None:
    """What a user may do where."""
    [user] = task.arguments
    task.output.banner(f'Listing permissions for user "{user}" ...')
    shapes = task.api.get("users", user, "permissions")
    task.output.rows(tuple(OF_USER), [{n: OF_USER[n](s) for n in OF_USER} for s in shapes])


@command("list_topic_permissions [--vhost <vhost>]")
def list_topic_permissions(task: Task) -> None:
    """Who may use which keys in a vhost."""
    task.output.banner(f'Listing topic permissions for vhost "{task.vhost}" ...')
    _write(task, task.api.get("vhosts", task.vhost, "topic-permissions"), TOPIC_PERMISSIONS)


@command("list_policies [--vhost <vhost>]")
def list_policies(task: Task) -> None:
    """The policies of a vhost."""
    task.output.banner(f'Listing policies for vhost "{task.vhost}" ...')
    _write(task, _in_vhost(task, "policies"), POLICIES)


@command("list_operator_policies [--vhost <vhost>]")
def list_operator_policies(task: Task) -> None:
    """The operator policies of a vhost."""
    task.output.banner(f'Listing operator policy overrides for vhost "{task.vhost}" ...')
    _write(task, _in_vhost(task, "operator-policies"), POLICIES)
