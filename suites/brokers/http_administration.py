"""Administration by RabbitMQ's management HTTP API, of a RabbitMQ or of the reference broker."""

import base64
import json
import time
from collections.abc import Collection, Mapping
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from suites.brokers.administration import PLENTY, SCANT, Administration
from suites.brokers.base import BrokerError, Endpoint, Unsupported

TIMEOUT = 30.0
LISTED_WITHIN = 20.0  # seconds; RabbitMQ's list of connections follows its statistics
POLL_INTERVAL = 0.1
MISSING = 404
NOT_ALLOWED = 405  # of an address that the API has not, but for its page


class HttpApi:
    """A client of the API; every call gives the decoded body, or None."""

    def __init__(self, endpoint: Endpoint, port: int) -> None:
        self.port = port
        self._base = f"http://{endpoint.host}:{port}/api"
        login = f"{endpoint.user}:{endpoint.password}".encode()
        self._login = f"Basic {base64.b64encode(login).decode()}"

    def call(
        self, method: str, *path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """Ask for the address whose parts these are; BrokerError with what a refusal says."""
        try:
            return self.ask(method, *path, body=body, headers=headers)
        except HTTPError as error:
            with error:
                told = error.read().decode(errors="replace")
            address = "/".join(path)
            raise BrokerError(f"{method} {address}: {error.code} {told}") from error

    def ask(
        self, method: str, *path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """As `call`, but a refusal is raised as the HTTPError that it is."""
        url = "/".join([self._base, *(quote(part, safe="") for part in path)])
        data = None if body is None else json.dumps(body).encode()
        sent = {"Authorization": self._login, "Content-Type": "application/json", **(headers or {})}
        request = Request(url, method=method, data=data, headers=sent)  # noqa: S310  http, as written
        try:
            with urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310  the same
                text = response.read()
        except HTTPError:
            raise
        except URLError as error:
            raise BrokerError(f"the management API does not answer: {error.reason}") from error
        return json.loads(text) if text else None


class HttpAdministration(Administration):
    """Everything by the API; the limits of resources by an address that RabbitMQ lacks."""

    by = "the management HTTP API"

    def __init__(self, endpoint: Endpoint, port: int) -> None:
        self.api = HttpApi(endpoint, port)
        self._limits: dict[str, Any] = {}

    def add_user(self, name: str, password: str, tags: Collection[str] = ()) -> None:
        """PUT /users/NAME."""
        body = {"password": password, "tags": ",".join(tags)}
        self.api.call("PUT", "users", name, body=body)

    def change_password(self, name: str, password: str) -> None:
        """The same address."""
        self.add_user(name, password)

    def delete_user(self, name: str) -> None:
        """DELETE /users/NAME."""
        self.api.call("DELETE", "users", name)

    def add_vhost(self, name: str) -> None:
        """PUT /vhosts/NAME."""
        self.api.call("PUT", "vhosts", name, body={})

    def delete_vhost(self, name: str) -> None:
        """DELETE /vhosts/NAME."""
        self.api.call("DELETE", "vhosts", name)

    def permit(self, user: str, vhost: str, configure: str, write: str, read: str) -> None:
        """PUT /permissions/VHOST/USER."""
        body = {"configure": configure, "write": write, "read": read}
        self.api.call("PUT", "permissions", vhost, user, body=body)

    def forbid(self, user: str, vhost: str) -> None:
        """DELETE /permissions/VHOST/USER."""
        self.api.call("DELETE", "permissions", vhost, user)

    def permit_topics(self, user: str, vhost: str, exchange: str, write: str, read: str) -> None:
        """PUT /topic-permissions/VHOST/USER."""
        body = {"exchange": exchange, "write": write, "read": read}
        self.api.call("PUT", "topic-permissions", vhost, user, body=body)

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
        """PUT /policies/VHOST/NAME, or /operator-policies."""
        body = {
            "pattern": pattern,
            "definition": definition,
            "priority": priority,
            "apply-to": apply_to,
        }
        self.api.call("PUT", _policies(operator), vhost, name, body=body)

    def clear_policy(self, vhost: str, name: str, *, operator: bool = False) -> None:
        """DELETE at the same address."""
        self.api.call("DELETE", _policies(operator), vhost, name)

    def limit_vhost(self, vhost: str, limit: str, value: int) -> None:
        """PUT /vhost-limits/VHOST/LIMIT."""
        self.api.call("PUT", "vhost-limits", vhost, limit, body={"value": value})

    def limit_user(self, user: str, limit: str, value: int) -> None:
        """PUT /user-limits/USER/LIMIT; Unsupported where there is no such address."""
        try:
            self.api.call("PUT", "user-limits", user, limit, body={"value": value})
        except BrokerError as error:
            if getattr(error.__cause__, "code", None) == NOT_ALLOWED:
                raise Unsupported("this RabbitMQ has no limits of users") from error
            raise

    def lists_connection(self, name: str) -> bool:
        """GET /connections."""
        listed = [one.get("client_properties", {}) for one in self.api.call("GET", "connections")]
        return any(properties.get("connection_name") == name for properties in listed)

    def close_connection(self, client_port: int, reason: str) -> None:
        """DELETE /connections/NAME, once the connection is in the list."""
        deadline = time.monotonic() + LISTED_WITHIN
        while not self._close(client_port, reason):
            if time.monotonic() > deadline:
                raise BrokerError(f"no connection from port {client_port} is listed")
            time.sleep(POLL_INTERVAL)

    def _close(self, client_port: int, reason: str) -> bool:
        for connection in self.api.call("GET", "connections"):
            if connection.get("peer_port") == client_port:
                try:
                    self.api.ask(
                        "DELETE", "connections", connection["name"], headers={"X-Reason": reason}
                    )
                except HTTPError as error:
                    error.close()
                    if error.code != MISSING:
                        raise BrokerError(f"the connection cannot be closed: {error}") from error
                    return False
                return True
        return False

    def raise_alarm(self, resource: str) -> None:
        """PUT /nodes/NODE/limits, which is the reference broker's own."""
        [node] = self.api.call("GET", "nodes")
        if resource == "memory":
            self._limits[resource] = {"absolute": node["mem_limit"]}
            self._limit("vm_memory_high_watermark", SCANT)
        else:
            self._limits[resource] = node["disk_free_limit"]
            self._limit("disk_free_limit", PLENTY)

    def clear_alarm(self, resource: str) -> None:
        """The same address, with the limit that was there before."""
        key = "vm_memory_high_watermark" if resource == "memory" else "disk_free_limit"
        self._limit(key, self._limits.pop(resource))

    def _limit(self, key: str, value: Any) -> None:
        self.api.call("PUT", "nodes", "local", "limits", body={key: value})


def _policies(operator: bool) -> str:
    return "operator-policies" if operator else "policies"
