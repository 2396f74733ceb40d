"""The root of it all: vhosts and users."""

from collections.abc import Iterable

from reference_broker.wire.errors import AnnouncedError

from .access import Access, Permission, User, hash_password
from .ports import Clock, Store
from .vhost import VHost


class Broker:
    """Everything that one server serves."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.store: Store | None = None
        self.access = Access()
        self.vhosts: dict[str, VHost] = {}

    def add_vhost(self, name: str) -> VHost:
        """Create a vhost; one that is there stays as it is."""
        if name not in self.vhosts:
            self.vhosts[name] = VHost(name, self.clock, self.store)
            if self.store is not None:
                self.store.save_vhost(name)
        return self.vhosts[name]

    def keep_in(self, store: Store) -> None:
        """Durable things go to the store from now on."""
        self.store = store
        for vhost in self.vhosts.values():
            vhost.store = store

    def add_user(self, name: str, password_hash: str, tags: Iterable[str] = ()) -> User:
        """Add a user without permissions, or replace one."""
        user = self.access.add(name, password_hash, frozenset(tags))
        self._save(user)
        return user

    def permit(self, user: User, vhost: str, permission: Permission) -> None:
        """Set what a user may do in a vhost."""
        user.permissions[vhost] = permission
        self._save(user)

    def _save(self, user: User) -> None:
        if self.store is not None:
            self.store.save_user(user)

    def add_guest(self) -> None:
        """Add RabbitMQ's defaults: the vhost `/` and the user guest, who may do all in it."""
        self.add_vhost("/")
        guest = self.add_user("guest", hash_password("guest"), {"administrator"})
        self.permit(guest, "/", Permission())

    def open_vhost(self, name: str, user: User) -> VHost:
        """The vhost, if it exists and the user may enter. Raises AnnouncedError 530."""
        vhost = self.vhosts.get(name)
        if vhost is None:
            raise AnnouncedError(530, f"vhost {name} not found")
        if name not in user.permissions:
            raise AnnouncedError(530, f"access to vhost '{name}' refused for user '{user.name}'")
        return vhost
