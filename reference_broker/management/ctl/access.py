"""Commands on users, vhosts, permissions and policies."""

import json
import sys
from typing import Any

from .api import DATA, NO_USER, SOFTWARE, UNAVAILABLE, CtlError, Refused
from .command import Task, command


def _user(task: Task, name: str) -> dict[str, Any]:
    """The user. Raises CtlError."""
    try:
        found: dict[str, Any] = task.api.get("users", name)
    except Refused as refused:
        raise (_no_user(name) if refused.missing else refused) from refused
    return found


def _no_user(name: str) -> CtlError:
    return CtlError(f'User "{name}" does not exist', NO_USER)


def _password(given: tuple[str, ...]) -> str:
    """The last argument, or what is typed in."""
    if given:
        return given[0]
    password = sys.stdin.readline().rstrip("\n")
    if not password:
        raise CtlError("Password is not provided via argument or stdin", SOFTWARE)
    return password


@command("add_user <username> [<password>]", 1, 2)
def add_user(task: Task) -> None:
    """A user without permissions."""
    name, *rest = task.arguments
    task.output.banner(f'Adding user "{name}" ...')
    password = _password(tuple(rest))
    try:
        task.api.get("users", name)
    except Refused as refused:
        if not refused.missing:
            raise
    else:
        raise CtlError(f'User "{name}" already exists', SOFTWARE)
    task.api.call("PUT", "users", name, body={"password": password, "tags": ""})
    task.output.banner(
        "Done. Don't forget to grant the user permissions to some virtual hosts! "
        "See 'ctl help' to learn more."
    )


@command("change_password <username> [<password>]", 1, 2)
def change_password(task: Task) -> None:
    """Another password; the tags stay."""
    name, *rest = task.arguments
    task.output.banner(f'Changing password for user "{name}" ...')
    tags = _user(task, name)["tags"]
    body = {"password": _password(tuple(rest)), "tags": tags}
    task.api.call("PUT", "users", name, body=body)


@command("authenticate_user <username> [<password>]", 1, 2)
def authenticate_user(task: Task) -> None:
    """Whether the password is right."""
    name, *rest = task.arguments
    task.output.banner(f'Authenticating user "{name}" ...')
    task.api.login(name, _password(tuple(rest)))
    try:
        task.api.get("whoami")
    except CtlError as error:
        if error.text.startswith("Login failed"):
            told = f'Error: failed to authenticate user "{name}"'
            told += f"\nuser '{name}' - invalid credentials"
            raise CtlError(told, DATA) from error
        if not error.text.startswith("Not management user"):
            raise
    task.output.line("Success")


@command("delete_user <username>", 1)
def delete_user(task: Task) -> None:
    """Delete a user; its connections are closed."""
    [name] = task.arguments
    task.output.banner(f'Deleting user "{name}" ...')
    _user(task, name)
    task.api.call("DELETE", "users", name)


@command("set_user_tags <username> <tag> [...]", 1, 99)
def set_user_tags(task: Task) -> None:
    """These tags and no others."""
    name, *tags = task.arguments
    task.output.banner(f'Setting tags for user "{name}" to [{", ".join(tags)}] ...')
    body = {"password_hash": _user(task, name)["password_hash"], "tags": tags}
    task.api.call("PUT", "users", name, body=body)


@command("add_vhost <vhost>", 1)
def add_vhost(task: Task) -> None:
    """A vhost; one that is there stays as it is."""
    [name] = task.arguments
    task.output.banner(f'Adding vhost "{name}" ...')
    try:
        task.api.get("vhosts", name)
    except Refused as refused:
        if not refused.missing:
            raise
        task.api.call("PUT", "vhosts", name, body={})
        # The API lets its user into the vhost; rabbitmqctl lets nobody.
        task.api.call("DELETE", "permissions", name, task.api.get("whoami")["name"])


@command("delete_vhost <vhost>", 1)
def delete_vhost(task: Task) -> None:
    """Delete a vhost with all that is in it; its connections are closed."""
    [name] = task.arguments
    task.output.banner(f'Deleting vhost "{name}" ...')
    try:
        task.api.call("DELETE", "vhosts", name)
    except Refused as refused:
        if not refused.missing:
            raise
        raise CtlError(f"Virtual host '{name}' does not exist", DATA) from refused


def _check_ends(task: Task, user: str) -> None:
    """The vhost and the user have to exist. Raises CtlError."""
    for kind, name, told, code in (
        ("vhosts", task.vhost, "Virtual host", UNAVAILABLE),
        ("users", user, "User", NO_USER),
    ):
        try:
            task.api.get(kind, name)
        except Refused as refused:
            if not refused.missing:
                raise
            raise CtlError(f"{told} {name} does not exist", code) from refused


@command("set_permissions [--vhost <vhost>] <username> <conf> <write> <read>", 4)
def set_permissions(task: Task) -> None:
    """What a user may do in the vhost."""
    user, configure, write, read = task.arguments
    task.output.banner(f'Setting permissions for user "{user}" in vhost "{task.vhost}" ...')
    _check_ends(task, user)
    body = {"configure": configure, "write": write, "read": read}
    task.api.call("PUT", "permissions", task.vhost, user, body=body)


@command("clear_permissions [--vhost <vhost>] <username>", 1)
def clear_permissions(task: Task) -> None:
    """Let a user do nothing in the vhost."""
    [user] = task.arguments
    task.output.banner(f'Clearing permissions for user "{user}" in vhost "{task.vhost}" ...')
    _check_ends(task, user)
    _if_there(task, "permissions", task.vhost, user)


def _if_there(task: Task, *path: str) -> None:
    try:
        task.api.call("DELETE", *path)
    except Refused as refused:
        if not refused.missing:
            raise


@command("set_topic_permissions [--vhost <vhost>] <username> <exchange> <write> <read>", 4)
def set_topic_permissions(task: Task) -> None:
    """Which keys a user may use with a topic exchange."""
    user, exchange, write, read = task.arguments
    where = f'on "{exchange}" for user "{user}" in vhost "{task.vhost}"'
    task.output.banner(f"Setting topic permissions {where} ...")
    _check_ends(task, user)
    body = {"exchange": exchange, "write": write, "read": read}
    task.api.call("PUT", "topic-permissions", task.vhost, user, body=body)


@command("clear_topic_permissions [--vhost <vhost>] <username> [<exchange>]", 1, 2)
def clear_topic_permissions(task: Task) -> None:
    """Let a user use any key."""
    user, *exchange = task.arguments
    where = f'on "{exchange[0]}" ' if exchange else ""
    banner = f'Clearing topic permissions {where}for user "{user}" in vhost "{task.vhost}" ...'
    task.output.banner(banner)
    _check_ends(task, user)
    _if_there(task, "topic-permissions", task.vhost, user, *exchange)


_POLICY = (
    "[--vhost <vhost>] [--priority <priority>] [--apply-to <apply-to>] <name> <pattern> "
    "<definition>"
)


@command(f"set_policy {_POLICY}", 3, options=("priority", "apply-to"))
def set_policy(task: Task) -> None:
    """Set a policy."""
    _set(task, "policies", "policy")


@command(f"set_operator_policy {_POLICY}", 3, options=("priority", "apply-to"))
def set_operator_policy(task: Task) -> None:
    """Set an operator policy."""
    _set(task, "operator-policies", "operator policy override")


def _set(task: Task, where: str, what: str) -> None:
    name, pattern, definition = task.arguments
    priority = task.words.options.get("priority", "0")
    task.output.banner(
        f'Setting {what} "{name}" for pattern "{pattern}" to "{definition}" with priority '
        f'"{priority}" for vhost "{task.vhost}" ...'
    )
    if not priority.lstrip("-").isdecimal():
        raise CtlError(f"the priority {priority!r} is not a whole number", UNAVAILABLE)
    body = {
        "pattern": pattern,
        "definition": _decoded(definition),
        "priority": int(priority),
        "apply-to": task.words.options.get("apply-to", "all"),
    }
    task.api.call("PUT", where, task.vhost, name, body=body)


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as cause:
        raise CtlError(f"JSON decoding error. Reason: {cause}", UNAVAILABLE) from cause


@command("clear_policy [--vhost <vhost>] <name>", 1)
def clear_policy(task: Task) -> None:
    """Remove a policy."""
    _clear(task, "policies", "policy")


@command("clear_operator_policy [--vhost <vhost>] <name>", 1)
def clear_operator_policy(task: Task) -> None:
    """Remove an operator policy."""
    _clear(task, "operator-policies", "operator policy")


def _clear(task: Task, where: str, what: str) -> None:
    [name] = task.arguments
    task.output.banner(f'Clearing {what} "{name}" on vhost "{task.vhost}" ...')
    try:
        task.api.call("DELETE", where, task.vhost, name)
    except Refused as refused:
        if not refused.missing:
            raise
        raise CtlError("Parameter does not exist", UNAVAILABLE) from refused


@command("set_vhost_limits [--vhost <vhost>] <definition>", 1)
def set_vhost_limits(task: Task) -> None:
    """max-connections and max-queues."""
    [definition] = task.arguments
    task.output.banner(f'Setting vhost limits to "{definition}" for vhost "{task.vhost}" ...')
    _limit(task, "vhost-limits", task.vhost, definition)


@command("set_user_limits <username> <definition>", 2)
def set_user_limits(task: Task) -> None:
    """max-connections and max-channels."""
    user, definition = task.arguments
    task.output.banner(f'Setting user limits to "{definition}" for user "{user}" ...')
    _limit(task, "user-limits", user, definition)


def _limit(task: Task, where: str, name: str, definition: str) -> None:
    limits = _decoded(definition)
    if not isinstance(limits, dict):
        raise CtlError("limits are a JSON object", UNAVAILABLE)
    for limit, value in limits.items():
        task.api.call("PUT", where, name, limit, body={"value": value})
