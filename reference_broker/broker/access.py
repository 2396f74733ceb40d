"""Users, and what they may touch.

Passwords are kept as salted SHA-256 in the form of RabbitMQ's definitions files, so that such a
file can be loaded; see https://www.rabbitmq.com/docs/passwords. Permissions are three regular
expressions a user and vhost, for configuring, writing and reading, searched in the entity's name
(https://www.rabbitmq.com/docs/access-control). The default exchange goes by the name amq.default.
For topic exchanges two more may stand for a user and exchange, searched in routing keys (write) and
binding keys (read); {username} and {vhost} in them are replaced first.
"""

import base64
import hashlib
import hmac
import os
import re
from dataclasses import dataclass, field
from functools import lru_cache

from reference_broker.wire.errors import SoftError

_SALT = 4  # octets, as RabbitMQ has it


@lru_cache(maxsize=1024)
def _allows(pattern: str, name: str) -> bool:
    return re.search(pattern or "^$", name) is not None


@dataclass(frozen=True, slots=True)
class Permission:
    """What a user may do in one vhost."""

    configure: str = ".*"
    write: str = ".*"
    read: str = ".*"


@dataclass(frozen=True, slots=True)
class TopicPermission:
    """Which keys a user may use with one topic exchange."""

    write: str = ".*"
    read: str = ".*"


@dataclass(slots=True)
class User:
    """A name, the hash of a password, tags, a Permission a vhost.

    `topics` are by vhost and exchange, `limits` are max-connections and max-channels; a negative
    one is none.
    """

    name: str
    password_hash: str
    tags: frozenset[str] = frozenset()
    permissions: dict[str, Permission] = field(default_factory=dict)
    topics: dict[tuple[str, str], TopicPermission] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)

    def check(self, vhost: str, what: str, kind: str, name: str) -> None:
        """Refuse the user who may not `what` (configure, write, read). Raises SoftError 403."""
        permission = self.permissions.get(vhost)
        pattern = getattr(permission, what) if permission else ""
        shown = name or "amq.default"
        if pattern != ".*" and not _allows(pattern, shown):
            raise SoftError(
                403, f"access to {kind} '{shown}' in vhost '{vhost}' refused for user '{self.name}'"
            )

    def check_topic(self, vhost: str, what: str, exchange: str, key: str) -> None:
        """Refuse the user who may not `what` (write, read) this key there. Raises SoftError 403."""
        permission = self.topics.get((vhost, exchange))
        if permission is None:
            return
        pattern: str = getattr(permission, what)
        pattern = pattern.replace("{username}", self.name).replace("{vhost}", vhost)
        if not _allows(pattern, key):
            raise SoftError(
                403,
                f"access to topic '{key}' in exchange '{exchange}' in vhost '{vhost}' "
                f"refused for user '{self.name}'",
            )


def hash_password(password: str, salt: bytes | None = None) -> str:
    """The password's salted SHA-256, in base64, as definitions files hold it."""
    salt = os.urandom(_SALT) if salt is None else salt
    digest = hashlib.sha256(salt + password.encode()).digest()
    return base64.b64encode(salt + digest).decode()


_NOBODY = hash_password("")  # so that unknown users cost what known ones do


class Access:
    """The users of a broker."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}

    def add(self, name: str, password_hash: str, tags: frozenset[str] = frozenset()) -> User:
        """Add a user without permissions, or give one another password and other tags."""
        user = self.users.setdefault(name, User(name, password_hash))
        user.password_hash, user.tags = password_hash, tags
        return user

    def authenticate(self, name: str, password: str) -> User | None:
        """The user, if the password is right."""
        user = self.users.get(name)
        known = user.password_hash if user else _NOBODY
        salt = base64.b64decode(known)[:_SALT]
        same = hmac.compare_digest(hash_password(password, salt), known)
        return user if same else None
