"""A request to the API and its answer, and the table of what is answered where."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reference_broker.broker.access import User
from reference_broker.broker.vhost import VHost

from .desk import Desk


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, and what the body holds as JSON; None for no body."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


CREATED, NO_CONTENT = Answer(201), Answer(204)


def put(existed: bool) -> Answer:
    """The answer to a PUT that has been done."""
    return NO_CONTENT if existed else CREATED


class Refusal(Exception):  # noqa: N818  an answer, raised from wherever it is found
    """The request is refused, in RabbitMQ's words."""

    def __init__(self, status: int, error: str, reason: Any) -> None:
        super().__init__(status, error, reason)
        self.answer = Answer(status, {"error": error, "reason": reason})


def bad_request(reason: Any) -> Refusal:
    """400."""
    return Refusal(400, "bad_request", reason)


def not_found() -> Refusal:
    """404 for what the address names."""
    return Refusal(404, "Object Not Found", "Not Found")


def not_authorised(reason: str) -> Refusal:
    """401 for a user who is known and may not."""
    return Refusal(401, "not_authorised", reason)


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a user who is who he says, and has the tag that the address needs."""

    desk: Desk
    user: User
    path: Mapping[str, str]
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""  # of the header X-Reason

    def vhost(self, *, body: bool = False) -> VHost:
        """The vhost that the path names, if the user may see it.

        Raises Refusal: 404 if there is none (`body`: as one that was to be changed), 401.
        """
        found = self.desk.hub.broker.vhosts.get(self.path["vhost"])
        if found is None:
            raise Refusal(404, "not_found", "vhost_not_found") if body else not_found()
        if not self.sees(found):
            raise not_authorised("User not authorised to access virtual host")
        return found

    def sees(self, vhost: VHost) -> bool:
        """Whether the user may look into a vhost."""
        return vhost.name in self.user.permissions or has_tag(self.user, "monitoring")

    def vhosts(self) -> list[VHost]:
        """The vhost that the path names, or all that the user may see."""
        if "vhost" in self.path:
            return [self.vhost()]
        return [v for v in self.desk.hub.broker.vhosts.values() if self.sees(v)]

    def named_user(self) -> User:
        """The user that the path names. Raises Refusal 404."""
        found = self.desk.hub.broker.access.users.get(self.path["user"])
        if found is None:
            raise not_found()
        return found

    def need(self, *names: str) -> list[Any]:
        """These fields of the body. Raises Refusal 400 that names those that are missing."""
        missing = ",".join(f"{{key_missing,{name}}}" for name in names if name not in self.body)
        if missing:
            raise bad_request(f"[{missing}]")
        return [self.body[name] for name in names]

    def option(self, name: str, kind: type, default: Any) -> Any:
        """A field of the body that may be missing. Raises Refusal 400 for another type."""
        value = self.body.get(name, default)
        if not isinstance(value, kind):
            raise bad_request(f"{name} should be of type {kind.__name__}, was {value!r}")
        return value


_INCLUDED = {
    "management": {"management", "policymaker", "monitoring", "administrator"},
    "policymaker": {"policymaker", "administrator"},
    "monitoring": {"monitoring", "administrator"},
    "administrator": {"administrator"},
}
"""Tag -> the tags of which one is needed (https://www.rabbitmq.com/docs/management#permissions)."""

TAG_REFUSALS = {
    "management": "Not management user",
    "policymaker": "User not authorised to access object",
    "monitoring": "Not monitor user",
    "administrator": "Not administrator user",
}


def has_tag(user: User, tag: str) -> bool:
    """Whether the user has the tag, or one that includes it."""
    return not _INCLUDED[tag].isdisjoint(user.tags)


View = Callable[[Call], Any]


@dataclass(frozen=True, slots=True)
class Route:
    """What answers a method at a path, and the tag that the user needs."""

    method: str
    path: str
    tag: str
    view: View


ROUTES: list[Route] = []


def answers(method: str, *paths: str, tag: str = "management") -> Callable[[View], View]:
    """Enter a function into the table; it gives an Answer, or the body of a 200."""

    def enter(view: View) -> View:
        ROUTES.extend(Route(method, f"/api{path}", tag, view) for path in paths)
        return view

    return enter
