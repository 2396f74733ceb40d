"""One proxy, as the API names it: it can be stopped, changed and started again."""

from typing import Any

from faults.proxy import Proxy

from .errors import ApiError, bad_request, missing_field, toxic_exists, toxic_not_found
from .toxic import NamedToxic, text


class NamedProxy:
    """A proxy's settings and toxics, and the proxy itself while it is enabled."""

    def __init__(self, given: dict[str, Any], seed: int, where: str = "") -> None:
        self.name = text(given, "name", "")
        self.upstream = text(given, "upstream", "")
        for member in ("name", "upstream"):
            if not getattr(self, member):
                raise missing_field(member + where)
        self.listen = text(given, "listen", "")
        self.toxics: list[NamedToxic] = []
        self._seed = seed
        self._proxy: Proxy | None = None

    @property
    def enabled(self) -> bool:
        """Whether it listens."""
        return self._proxy is not None

    @property
    def json(self) -> dict[str, Any]:
        """As the API shows it."""
        names = ("name", "listen", "upstream", "enabled")
        return {name: getattr(self, name) for name in names} | {"toxics": self.toxics_json}

    @property
    def toxics_json(self) -> list[dict[str, Any]]:
        """Those that work upstream first."""
        return [t.json for t in sorted(self.toxics, key=lambda t: t.stream != "upstream")]

    def start(self) -> None:
        """Listen, with its toxics in force; harmless when it does."""
        if self._proxy is not None:
            return
        host, port = _address(self.listen, "listen")
        try:
            proxy = Proxy(*_address(self.upstream, "upstream"), host=host, port=port).start()
        except ValueError as error:
            raise bad_request(error) from None
        except OSError as error:
            reason = (error.strerror or str(error)).rpartition(": ")[2].lower()
            raise ApiError(500, f"listen tcp {host}:{port}: bind: {reason}") from None
        self._proxy = proxy
        self.listen = f"[{host}]:{proxy.port}" if ":" in host else f"{host}:{proxy.port}"
        for toxic in self.toxics:
            toxic.enter(proxy)

    def stop(self) -> None:
        """Close all connections and the port; harmless when it is stopped."""
        if self._proxy is not None:
            self._proxy.close()
            self._proxy = None
            for toxic in self.toxics:
                toxic.leave()

    def update(self, given: dict[str, Any]) -> None:
        """Take over an address or whether it is enabled."""
        listen = text(given, "listen", self.listen)
        upstream = text(given, "upstream", self.upstream)
        enabled = flag(given, "enabled", default=self.enabled)
        if (listen, upstream) != (self.listen, self.upstream):
            self.stop()
            self.listen, self.upstream = listen, upstream
        if enabled:
            self.start()
        else:
            self.stop()

    def add(self, given: dict[str, Any]) -> NamedToxic:
        """A new toxic, in force if the proxy runs."""
        toxic = NamedToxic(given, self._seed)
        if any(other.name == toxic.name for other in self.toxics):
            raise toxic_exists()
        if self._proxy is not None:
            toxic.enter(self._proxy)
        self.toxics.append(toxic)
        return toxic

    def toxic(self, name: str) -> NamedToxic:
        """The one of that name; ApiError when there is none."""
        for toxic in self.toxics:
            if toxic.name == name:
                return toxic
        raise toxic_not_found()

    def change(self, name: str, given: dict[str, Any]) -> NamedToxic:
        """Change a toxic."""
        toxic = self.toxic(name)
        toxic.update(given)
        if self._proxy is not None:
            toxic.enter(self._proxy)
        return toxic

    def remove(self, name: str) -> None:
        """Remove a toxic and heal the connections."""
        toxic = self.toxic(name)
        self.toxics.remove(toxic)
        toxic.leave()

    def reset(self) -> None:
        """Start it, and remove all toxics."""
        self.start()
        for toxic in list(self.toxics):
            self.remove(toxic.name)


def flag(given: dict[str, Any], name: str, *, default: bool) -> bool:
    """A member that is true or false; ApiError when it is something else."""
    value = given.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise bad_request(f"{name} is {value!r}: give true or false")
    return value


def _address(address: str, member: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if member == "listen":
        host = {"": "127.0.0.1", "localhost": "127.0.0.1"}.get(host, host)
        port = port or "0"
    if not port.isdecimal() or not host:
        raise bad_request(f"{member} is {address!r}: give HOST:PORT")
    return host.strip("[]"), int(port)
