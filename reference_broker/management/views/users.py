"""Users, their permissions and limits."""

from typing import Any

from reference_broker.broker.access import Permission, TopicPermission, User
from reference_broker.broker.definitions import RIGHTS, USER_LIMITS, checked_pattern, tags_of
from reference_broker.broker.passwords import check_hash
from reference_broker.broker.vhost import VHost
from reference_broker.management import shapes
from reference_broker.management.call import (
    NO_CONTENT,
    Answer,
    Call,
    answers,
    bad_request,
    not_found,
    put,
)
from reference_broker.management.shapes import Shape
from reference_broker.session import operations

from .vhosts import change


@answers("GET", "/whoami")
def whoami(call: Call) -> Shape:
    """The user who asks."""
    return {"name": call.user.name, "tags": sorted(call.user.tags)}


@answers("GET", "/users", tag="administrator")
def all_users(call: Call) -> list[Shape]:
    """All."""
    return [shapes.user(user) for user in call.desk.hub.broker.access.users.values()]


@answers("GET", "/users/{user}", tag="administrator")
def one_user(call: Call) -> Shape:
    """One."""
    return shapes.user(call.named_user())


@answers("PUT", "/users/{user}", tag="administrator")
def add_user(call: Call) -> Answer:
    """Create a user, or give one another password and other tags; connections stay."""
    if "tags" not in call.body:
        raise bad_request("tags_not_present")
    try:
        tags = tags_of(call.body["tags"])
    except ValueError as cause:
        raise bad_request(str(cause)) from cause
    users, name = call.desk.hub.broker.access.users, call.path["user"]
    existed = name in users
    call.desk.hub.broker.add_user(name, _password_hash(call), tags)
    return put(existed)


def _password_hash(call: Call) -> str:
    """The hash that the body gives, or that of its password; "" is that of none."""
    given: str = call.option("password_hash", str, "")
    if "password_hash" not in call.body:
        password: str = call.option("password", str, "")
        return call.desk.hub.broker.access.hash(password) if password else ""
    try:
        check_hash(given)
    except ValueError as cause:
        raise bad_request(["not_base64", given]) from cause
    return given


@answers("DELETE", "/users/{user}", tag="administrator")
def delete_user(call: Call) -> Answer:
    """Delete a user, whose connections are closed."""
    operations.delete_user(call.desk.hub, call.named_user())
    return NO_CONTENT


@answers("POST", "/users/bulk-delete", tag="administrator")
def delete_users(call: Call) -> Answer:
    """Delete those users of the list that there are."""
    call.need("users")
    hub, named = call.desk.hub, call.option("users", list, [])
    for user in [u for name, u in hub.broker.access.users.items() if name in named]:
        operations.delete_user(hub, user)
    return NO_CONTENT


@answers("GET", "/permissions", tag="administrator")
def all_permissions(call: Call) -> list[Shape]:
    """All."""
    users = call.desk.hub.broker.access.users.values()
    return [shape for user in users for shape in _permissions(user)]


@answers("GET", "/users/{user}/permissions", tag="administrator")
def permissions_of_user(call: Call) -> list[Shape]:
    """One user's."""
    return _permissions(call.named_user())


@answers("GET", "/vhosts/{vhost}/permissions", tag="administrator")
def permissions_in_vhost(call: Call) -> list[Shape]:
    """Those in one vhost."""
    vhost = call.vhost()
    return [shape for shape in all_permissions(call) if shape["vhost"] == vhost.name]


def _permissions(user: User) -> list[Shape]:
    return [shapes.permission(user, vhost, p) for vhost, p in user.permissions.items()]


@answers("GET", "/permissions/{vhost}/{user}", tag="administrator")
def one_permission(call: Call) -> Shape:
    """One."""
    vhost, user = call.vhost(), call.named_user()
    if vhost.name not in user.permissions:
        raise not_found()
    return shapes.permission(user, vhost.name, user.permissions[vhost.name])


@answers("PUT", "/permissions/{vhost}/{user}", tag="administrator")
def permit(call: Call) -> Answer:
    """Say what a user may do in a vhost, from now on."""
    patterns = _patterns(call, RIGHTS)
    user, vhost = _user_and_vhost(call)
    existed = vhost.name in user.permissions
    call.desk.hub.broker.permit(user, vhost.name, Permission(*patterns))
    return put(existed)


@answers("DELETE", "/permissions/{vhost}/{user}", tag="administrator")
def forbid(call: Call) -> Answer:
    """Let a user do nothing more in a vhost; connections stay."""
    vhost, user = call.vhost(), call.named_user()
    if user.permissions.pop(vhost.name, None) is None:
        raise not_found()
    call.desk.hub.broker.rights_changed(user, vhost.name)
    return NO_CONTENT


@answers("GET", "/topic-permissions", tag="administrator")
def all_topic_permissions(call: Call) -> list[Shape]:
    """All."""
    users = call.desk.hub.broker.access.users.values()
    return [shape for user in users for shape in shapes.topic_permissions(user)]


@answers("GET", "/users/{user}/topic-permissions", tag="administrator")
def topic_permissions_of_user(call: Call) -> list[Shape]:
    """One user's."""
    return shapes.topic_permissions(call.named_user())


@answers("GET", "/vhosts/{vhost}/topic-permissions", tag="administrator")
def topic_permissions_in_vhost(call: Call) -> list[Shape]:
    """Those in one vhost."""
    vhost = call.vhost()
    return [shape for shape in all_topic_permissions(call) if shape["vhost"] == vhost.name]


@answers("GET", "/topic-permissions/{vhost}/{user}", tag="administrator")
def topic_permissions_of_both(call: Call) -> list[Shape]:
    """One user's in one vhost."""
    vhost, user = call.vhost(), call.named_user()
    found = [s for s in shapes.topic_permissions(user) if s["vhost"] == vhost.name]
    if not found:
        raise not_found()
    return found


@answers("PUT", "/topic-permissions/{vhost}/{user}", tag="administrator")
def permit_topics(call: Call) -> Answer:
    """Say which keys a user may use with a topic exchange, from now on."""
    [exchange] = call.need("exchange")
    patterns = _patterns(call, ("write", "read"))
    user, vhost = _user_and_vhost(call)
    existed = (vhost.name, exchange) in user.topics
    user.topics[vhost.name, exchange] = TopicPermission(*patterns)
    call.desk.hub.broker.rights_changed(user, vhost.name)
    return put(existed)


@answers(
    "DELETE",
    "/topic-permissions/{vhost}/{user}",
    "/topic-permissions/{vhost}/{user}/{exchange}",
    tag="administrator",
)
def free_topics(call: Call) -> Answer:
    """Let a user use any key, with one topic exchange or with all of a vhost."""
    vhost, user = call.vhost(), call.named_user()
    only = call.path.get("exchange")
    gone = [w for w in user.topics if w[0] == vhost.name and only in {None, w[1]}]
    if not gone:
        raise not_found()
    for where in gone:
        del user.topics[where]
    call.desk.hub.broker.rights_changed(user, vhost.name)
    return NO_CONTENT


def _patterns(call: Call, names: tuple[str, ...]) -> list[str]:
    patterns: list[Any] = call.need(*names)
    for pattern in patterns:
        try:
            checked_pattern(pattern)
        except (TypeError, ValueError) as cause:
            raise bad_request(["invalid_regexp", pattern]) from cause
    return patterns


def _user_and_vhost(call: Call) -> tuple[User, VHost]:
    broker = call.desk.hub.broker
    user, vhost = broker.access.users.get(call.path["user"]), broker.vhosts.get(call.path["vhost"])
    if user is None or vhost is None:
        raise bad_request("vhost_or_user_not_found")
    return user, vhost


@answers("GET", "/user-limits", tag="administrator")
def user_limits(call: Call) -> list[Shape]:
    """The limits of those users who have any."""
    users = call.desk.hub.broker.access.users.values()
    return [{"user": user.name, "value": user.limits} for user in users if user.limits]


@answers("GET", "/user-limits/{user}", tag="administrator")
def one_user_limits(call: Call) -> list[Shape]:
    """One user's."""
    user = call.named_user()
    return [{"user": user.name, "value": user.limits}] if user.limits else []


@answers("PUT", "/user-limits/{user}/{limit}", tag="administrator")
def limit_user(call: Call) -> Answer:
    """Set one limit."""
    user = call.desk.hub.broker.access.users.get(call.path["user"])
    if user is None:
        raise bad_request(["no_such_user", call.path["user"]])
    change(user.limits, call, USER_LIMITS)
    call.desk.hub.broker.save_user(user)
    return NO_CONTENT


@answers("DELETE", "/user-limits/{user}/{limit}", tag="administrator")
def free_user(call: Call) -> Answer:
    """Remove one limit."""
    user = call.named_user()
    user.limits.pop(call.path["limit"], None)
    call.desk.hub.broker.save_user(user)
    return NO_CONTENT
