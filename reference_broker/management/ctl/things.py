"""Commands on queues and connections."""

from .api import UNAVAILABLE, USAGE, CtlError, Refused
from .command import Task, command

AS_OPERATOR = {"operator": "true"}  # whose rights in the vhost do not matter


@command("purge_queue [--vhost <vhost>] <queue>", 1)
def purge_queue(task: Task) -> None:
    """Drop a queue's ready messages."""
    [queue] = task.arguments
    task.output.banner(f"Purging queue '{queue}' in vhost '{task.vhost}' ...")
    try:
        task.api.call("DELETE", "queues", task.vhost, queue, "contents", query=AS_OPERATOR)
    except Refused as refused:
        if not refused.missing:
            raise
        raise CtlError("not_found", UNAVAILABLE) from refused


@command(
    "delete_queue [--vhost <vhost>] <queue_name> [--if-empty|-e] [--if-unused|-u]",
    1,
    options=("if-empty", "if-unused"),
)
def delete_queue(task: Task) -> None:
    """Delete a queue."""
    [queue] = task.arguments
    chosen = [flag for flag in ("if-empty", "if-unused") if flag in task.words.options]
    asked = [f"queue is {flag.removeprefix('if-')}" for flag in chosen]
    where = f"if {' and if '.join(asked)} ..." if asked else "..."
    task.output.banner(f"Deleting queue '{queue}' on vhost '{task.vhost}' {where}")
    try:
        ready = task.api.get("queues", task.vhost, queue)["messages_ready"]
        flags = {**dict.fromkeys(chosen, "true"), **AS_OPERATOR}
        task.api.call("DELETE", "queues", task.vhost, queue, query=flags)
    except Refused as refused:
        if not refused.missing:
            raise
        raise CtlError("Queue not found", USAGE) from refused
    task.output.line(f"Queue was successfully deleted with {ready} ready messages")


@command("close_connection <connectionpid> <explanation>", 2)
def close_connection(task: Task) -> None:
    """Close the connection of that name, the column `pid` of list_connections."""
    name, reason = task.arguments
    task.output.banner(f"Closing connection {name}, reason: {reason}...")
    try:
        task.api.call("DELETE", "connections", name, reason=reason)
    except Refused as refused:
        if not refused.missing:
            raise
        raise CtlError(f"no connection is named {name!r}", UNAVAILABLE) from refused


@command("close_all_connections [--vhost <vhost>] <explanation>", 1)
def close_all_connections(task: Task) -> None:
    """Close all connections to a vhost."""
    [reason] = task.arguments
    task.output.banner(f"Closing all connections in vhost {task.vhost}, reason: {reason}...")
    for connection in task.api.get("vhosts", task.vhost, "connections"):
        task.api.call("DELETE", "connections", connection["name"], reason=reason)
