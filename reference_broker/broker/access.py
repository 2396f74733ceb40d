"""Users, and what they may touch.

Passwords are kept as hashes (see `passwords`). Permissions are three regular
expressions a user and vhost, for configuring, writing and reading, searched in the entity's name
(https://www.rabbitmq.com/docs/access-control). The default exchange goes by the name amq.default.
For topic exchanges two more may stand for a user and exchange, searched in routing keys (write) and
binding keys (read); {username} and {vhost} in them are replaced first.

Whom this defends against, and how far:

- Strangers who can reach the port. The broker listens on the loopback interface unless told
  otherwise, and guest, whose password everybody knows, may come from there alone. Before a client
  has logged in it can send frames of 4096 octets at most and a hundred heartbeats between them, has
  `handshake_timeout` to be done, and its first error ends the socket without a word.
- Guessers. A wrong password and an unknown user get the same answer for the same work, and neither
  is logged. What is wrong can be tried as often as the network allows.
- Thieves of the data directory or of a definitions file, only where the operator asks for it: by
  default a guess costs them one salted SHA-256, since that is all that RabbitMQ can import, and
  users go from this broker to RabbitMQ. With `password_hashing` set to scrypt each costs 16 MiB and
  some 40 ms; RabbitMQ then refuses the definitions of those users.
- Users who want what is not theirs. Each operation asks for its permission, by name, in the vhost
  that was opened; exclusive queues and consumers belong to their connection. Those who may declare
  can use up memory and disk, up to the alarms and the limits that are set.
- What clients name things. No name becomes a path: the store keeps them as values in one database
  file. Pages and the API escape what they show.

Not defended against: who reads the network (without TLS), the process's memory or its files, and
administrators, who may do everything.
"""

import hashlib
import os
import re
from dataclasses import dataclass, field
from functools import lru_cache

from reference_broker.wire.errors import SoftError

from .passwords import HASHERS, SHA256, matches


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


class Access:
    """The users of a broker; `algorithm` is how passwords are hashed from now on."""

    def __init__(self, algorithm: str = SHA256) -> None:
        self.users: dict[str, User] = {}
        self._hash = HASHERS[algorithm]
        self._nobody = self._hash("")  # so that unknown users cost what known ones do
        self._key = os.urandom(32)
        self._proven: dict[str, tuple[str, bytes]] = {}  # names -> their last successful login

    def add(self, name: str, password_hash: str, tags: frozenset[str] = frozenset()) -> User:
        """Add a user without permissions, or give one another password and other tags."""
        user = self.users.setdefault(name, User(name, password_hash))
        user.password_hash, user.tags = password_hash, tags
        return user

    def hash(self, password: str) -> str:
        """The password as it is kept."""
        return self._hash(password)

    def authenticate(self, name: str, password: str) -> User | None:
        """The user, if the password is right.

        Who was right before is not made to wait for a dear hash again; who is wrong always is.
        """
        user = self.users.get(name)
        known = user.password_hash if user else self._nobody
        proof = known, hashlib.blake2b(password.encode(), key=self._key).digest()
        if user is not None and self._proven.get(name) == proof:
            return user
        if not matches(password, known) or user is None:
            return None
        self._proven[name] = proof
        return user
