"""The root of it all: vhosts and users, and what operators do with them."""

from collections.abc import Iterable

from reference_broker.semantics import RABBITMQ, Semantics
from reference_broker.wire.errors import AnnouncedError

from .access import Access, Permission, User
from .passwords import SHA256
from .policy import Policy, check_policy
from .ports import Clock, Store
from .vhost import VHost


class Broker:
    """Everything that one server serves."""

    def __init__(
        self, clock: Clock, semantics: Semantics = RABBITMQ, hashing: str = SHA256
    ) -> None:
        self.clock = clock
        self.semantics = semantics
        self.store: Store | None = None
        self.access = Access(hashing)
        self.vhosts: dict[str, VHost] = {}
        self.in_use: set[str] = set()  # vhosts that other protocols than AMQP serve

    def add_vhost(self, name: str) -> VHost:
        """Create a vhost; one that is there stays as it is."""
        if name not in self.vhosts:
            self.vhosts[name] = VHost(name, self.clock, self.store, self.semantics)
            self.save_vhost(self.vhosts[name])
        return self.vhosts[name]

    def save_vhost(self, vhost: VHost) -> None:
        """What is set for a vhost has changed: keep it."""
        if self.store is not None:
            self.store.save_vhost(vhost)

    def delete_vhost(self, vhost: VHost) -> None:
        """Delete a vhost with all that is in it, when nobody is connected to it any more."""
        del self.vhosts[vhost.name]
        for queue in list(vhost.queues.values()):
            vhost.delete_queue(queue)
        for user in self.access.users.values():
            here = [where for where in user.topics if where[0] == vhost.name]
            for where in here:
                del user.topics[where]
            if user.permissions.pop(vhost.name, None) is not None or here:
                self.save_user(user)
        if self.store is not None:
            self.store.drop_vhost(vhost.name)

    def set_policy(self, vhost: VHost, policy: Policy, *, operator: bool = False) -> None:
        """Set a policy, or an operator policy, in place of one of its name. Raises PolicyError."""
        check_policy(policy, operator=operator)
        policies = vhost.policies
        (policies.operator if operator else policies.ordinary)[policy.name] = policy
        self._policies_changed(vhost)

    def clear_policy(self, vhost: VHost, name: str, *, operator: bool = False) -> bool:
        """Remove a policy, or an operator policy; False if there is none of that name."""
        policies = vhost.policies
        found = (policies.operator if operator else policies.ordinary).pop(name, None)
        if found is not None:
            self._policies_changed(vhost)
        return found is not None

    def _policies_changed(self, vhost: VHost) -> None:
        vhost.regulate()
        self.save_vhost(vhost)

    def keep_in(self, store: Store) -> None:
        """Durable things go to the store from now on."""
        self.store = store
        for vhost in self.vhosts.values():
            vhost.store = store

    def add_user(self, name: str, password_hash: str, tags: Iterable[str] = ()) -> User:
        """Add a user without permissions, or give one another password and other tags."""
        user = self.access.add(name, password_hash, frozenset(tags))
        self.save_user(user)
        return user

    def permit(self, user: User, vhost: str, permission: Permission) -> None:
        """Set what a user may do in a vhost."""
        user.permissions[vhost] = permission
        self.rights_changed(user, vhost)

    def rights_changed(self, user: User, vhost: str) -> None:
        """What a user may do in a vhost has changed: keep it, and let no route be remembered."""
        if vhost in self.vhosts:
            self.vhosts[vhost].version += 1
        self.save_user(user)

    def delete_user(self, user: User) -> None:
        """Delete a user, who is not connected any more."""
        del self.access.users[user.name]
        if self.store is not None:
            self.store.drop_user(user.name)

    def save_user(self, user: User) -> None:
        """A user has changed: keep it."""
        if self.store is not None:
            self.store.save_user(user)

    def add_guest(self) -> None:
        """Add RabbitMQ's defaults: the vhost `/` and the user guest, who may do all in it."""
        self.add_vhost("/")
        guest = self.add_user("guest", self.access.hash("guest"), {"administrator"})
        self.permit(guest, "/", Permission())

    def open_vhost(self, name: str, user: User) -> VHost:
        """The vhost, if it exists and the user may enter. Raises AnnouncedError 530."""
        vhost = self.vhosts.get(name)
        if vhost is None:
            raise AnnouncedError(530, f"vhost {name} not found")
        if name not in user.permissions:
            raise AnnouncedError(530, f"access to vhost '{name}' refused for user '{user.name}'")
        return vhost
