"""Administration of a RabbitMQ by its `rabbitmqctl`: half a second a command, and no plugin."""

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

from suites.brokers.administration import PLENTY, SCANT, Administration
from suites.brokers.base import BrokerError, Unsupported

ACTOR = '<<"mqproof">>'  # in the node's log
DEFAULT_MEMORY, DEFAULT_DISK = "0.4", "50000000"  # RabbitMQ's


class CtlAdministration(Administration):
    """Each operation is one command, or two."""

    by = "rabbitmqctl"

    def __init__(self, ctl: Callable[..., str]) -> None:
        self._ctl = ctl

    def add_realm(self, vhost: str, *users: str) -> None:
        """One `eval` in place of five commands."""
        made = users[-1]
        self._eval(
            f'rabbit_vhost:add(<<"{vhost}">>, {ACTOR})',
            f'rabbit_auth_backend_internal:add_user(<<"{made}">>, <<"{made}">>, {ACTOR})',
            *(
                f'rabbit_auth_backend_internal:set_permissions(<<"{user}">>, <<"{vhost}">>, '
                f'<<".*">>, <<".*">>, <<".*">>, {ACTOR})'
                for user in users
            ),
        )

    def delete_realm(self, vhost: str, user: str) -> None:
        """One `eval` as well; what is gone already is no error."""
        self._eval(
            f'catch rabbit_vhost:delete(<<"{vhost}">>, {ACTOR})',
            f'catch rabbit_auth_backend_internal:delete_user(<<"{user}">>, {ACTOR})',
        )

    def _eval(self, *expressions: str) -> None:
        self._ctl("eval", f"{', '.join(expressions)}, ok.")

    def add_user(self, name: str, password: str, tags: Collection[str] = ()) -> None:
        """`add_user`, `set_user_tags`."""
        self._ctl("add_user", name, password)
        if tags:
            self._ctl("set_user_tags", name, *tags)

    def change_password(self, name: str, password: str) -> None:
        """`change_password`."""
        self._ctl("change_password", name, password)

    def delete_user(self, name: str) -> None:
        """`delete_user`."""
        self._ctl("delete_user", name)

    def add_vhost(self, name: str) -> None:
        """`add_vhost`."""
        self._ctl("add_vhost", name)

    def delete_vhost(self, name: str) -> None:
        """`delete_vhost`."""
        self._ctl("delete_vhost", name)

    def permit(self, user: str, vhost: str, configure: str, write: str, read: str) -> None:
        """`set_permissions`."""
        self._ctl("set_permissions", "-p", vhost, user, configure, write, read)

    def forbid(self, user: str, vhost: str) -> None:
        """`clear_permissions`."""
        self._ctl("clear_permissions", "-p", vhost, user)

    def permit_topics(self, user: str, vhost: str, exchange: str, write: str, read: str) -> None:
        """`set_topic_permissions`."""
        self._ctl("set_topic_permissions", "-p", vhost, user, exchange, write, read)

    def set_policy(
        self,
        vhost: str,
        name: str,
        definition: Mapping[str, Any],
        *,
        pattern: str = ".*",
        priority: int = 0,
        apply_to: str = "all",
        operator: bool = False,
    ) -> None:
        """`set_policy`, `set_operator_policy`."""
        options = ["--priority", str(priority), "--apply-to", apply_to]
        command = "set_operator_policy" if operator else "set_policy"
        self._ctl(command, "-p", vhost, *options, name, pattern, json.dumps(definition))

    def clear_policy(self, vhost: str, name: str, *, operator: bool = False) -> None:
        """`clear_policy`, `clear_operator_policy`."""
        self._ctl("clear_operator_policy" if operator else "clear_policy", "-p", vhost, name)

    def limit_vhost(self, vhost: str, limit: str, value: int) -> None:
        """`set_vhost_limits`."""
        self._ctl("set_vhost_limits", "-p", vhost, json.dumps({limit: value}))

    def limit_user(self, user: str, limit: str, value: int) -> None:
        """`set_user_limits`; Unsupported where there is no such command, as before 3.8.10."""
        try:
            self._ctl("set_user_limits", user, json.dumps({limit: value}))
        except BrokerError as error:
            if "'set_user_limits' not found" in str(error):
                raise Unsupported("this RabbitMQ has no limits of users") from error
            raise

    def lists_connection(self, name: str) -> bool:
        """`list_connections`, which takes a second or two."""
        return f'"{name}"' in self._ctl("list_connections", "client_properties")

    def close_connection(self, client_port: int, reason: str) -> None:
        """`list_connections`, `close_connection`."""
        listed = self._ctl("--no-table-headers", "list_connections", "peer_port", "pid")
        for line in listed.splitlines():
            port, _, pid = line.partition("\t")
            if port == str(client_port):
                self._ctl("close_connection", pid, reason)
                return
        raise BrokerError(f"no connection from port {client_port} is listed")

    def raise_alarm(self, resource: str) -> None:
        """`set_vm_memory_high_watermark`, `set_disk_free_limit`."""
        self._limit(resource, f"{SCANT:f}" if resource == "memory" else str(PLENTY))

    def clear_alarm(self, resource: str) -> None:
        """The same, with RabbitMQ's defaults."""
        self._limit(resource, DEFAULT_MEMORY if resource == "memory" else DEFAULT_DISK)

    def _limit(self, resource: str, value: str) -> None:
        memory = resource == "memory"
        self._ctl("set_vm_memory_high_watermark" if memory else "set_disk_free_limit", value)
