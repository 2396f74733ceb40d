"""The root of it all: vhosts and users."""

from reference_broker.wire.errors import AnnouncedError

from .access import Access, Permission, User, hash_password
from .ports import Store
from .vhost import VHost


class Broker:
    """Everything that one server serves."""

    def __init__(self, store: Store | None = None) -> None:
        self.store = store
        self.access = Access()
        self.vhosts: dict[str, VHost] = {}

    def add_vhost(self, name: str) -> VHost:
        """Create a vhost; one that is there stays as it is."""
        if name not in self.vhosts:
            self.vhosts[name] = VHost(name, self.store)
        return self.vhosts[name]

    def add_guest(self) -> None:
        """Add RabbitMQ's defaults: the vhost `/` and the user guest, who may do all in it."""
        self.add_vhost("/")
        guest = self.access.add("guest", hash_password("guest"), frozenset({"administrator"}))
        guest.permissions["/"] = Permission()

    def open_vhost(self, name: str, user: User) -> VHost:
        """The vhost, if it exists and the user may enter. Raises AnnouncedError 530."""
        vhost = self.vhosts.get(name)
        if vhost is None:
            raise AnnouncedError(530, f"vhost {name} not found")
        if name not in user.permissions:
            raise AnnouncedError(530, f"access to vhost '{name}' refused for user '{user.name}'")
        return vhost
