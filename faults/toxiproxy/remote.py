"""Links hurt by a Toxiproxy server at some address, in place of a proxy of our own."""

from types import TracebackType
from typing import NoReturn, Self
from uuid import uuid4

from faults.base import Unsupported
from faults.compose import Fault
from faults.proxy.toxic import Direction, Toxic

from .client import ToxiproxyClient, ToxiproxyRefusalError
from .described import described

STREAMS: dict[Direction, tuple[str, ...]] = {
    "up": ("upstream",),
    "down": ("downstream",),
    "both": ("upstream", "downstream"),
}


class RemoteProxy:
    """Does what `Proxy` does, as far as the server can; the rest is Unsupported, with the reason.

    A Toxiproxy has its own seven toxics; `python -m faults serve` has those of our proxy, too.
    """

    host = "127.0.0.1"

    def __init__(self, url: str, upstream_host: str, upstream_port: int) -> None:
        self.upstream = (upstream_host, upstream_port)
        self.name = f"mqproof-{uuid4().hex[:12]}"
        self._server = ToxiproxyClient(url)
        self.url = self._server.url
        self._port: int | None = None

    @property
    def port(self) -> int:
        """Where it listens; RuntimeError unless it runs."""
        if self._port is None:
            raise RuntimeError(f"{self!r} is not running: enter it, or call start()")
        return self._port

    @property
    def running(self) -> bool:
        """Whether it has been started and not closed."""
        return self._port is not None

    def start(self) -> Self:
        """Have the server listen. Raises ToxiproxyError when it cannot be reached, or refuses."""
        upstream = "{}:{}".format(*self.upstream)
        wanted = {"name": self.name, "listen": f"{self.host}:0", "upstream": upstream}
        listen = self._server.ask("POST", "/proxies", wanted)["listen"]
        self._port = int(listen.rpartition(":")[2])
        return self

    def close(self) -> None:
        """Have the server close all connections and the port; harmless when repeated."""
        if self._port is not None:
            self._port = None
            self._server.ask("DELETE", f"/proxies/{self.name}")

    def fault(
        self, toxic: Toxic, *, direction: Direction | None = None, only: object = None
    ) -> Fault:
        """This harm, to be entered as a context manager; for all connections."""
        if only is not None:
            self._lacks("hurts all connections of a proxy: it cannot pick some")
        direction = toxic.direction if direction is None else direction
        toxic.check(direction)
        return RemoteFault(self, toxic, direction)

    def connections(self) -> NoReturn:
        """Unsupported."""
        self._lacks("does not tell which connections it has")

    def add(self, toxic: Toxic, stream: str) -> str:
        """Bring a toxic into force; its name. Unsupported when the server has no such toxic."""
        kind, attributes = described(toxic)
        wanted = {
            "name": f"{kind}-{uuid4().hex[:8]}",
            "type": kind,
            "stream": stream,
            "attributes": attributes,
        }
        try:
            made = self._server.ask("POST", f"/proxies/{self.name}/toxics", wanted)
        except ToxiproxyRefusalError as refusal:
            if "invalid toxic type" in str(refusal):
                self._lacks(f"has no toxic of the type {kind}")
            raise
        return str(made["name"])

    def remove(self, name: str) -> None:
        """Take a toxic out of force."""
        self._server.ask("DELETE", f"/proxies/{self.name}/toxics/{name}")

    def _lacks(self, what: str) -> NoReturn:
        raise Unsupported(f"the Toxiproxy at {self.url} {what}")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"RemoteProxy({self.url!r}, {self.upstream[0]!r}, {self.upstream[1]})"


class RemoteFault(Fault):
    """One toxic in one or both directions, until it is left."""

    def __init__(self, proxy: RemoteProxy, toxic: Toxic, direction: Direction) -> None:
        self.toxic = toxic
        self.direction = direction
        self._proxy = proxy
        self._names: list[str] = []

    @property
    def duration(self) -> float | None:
        """0 for what strikes once."""
        return 0.0 if self.toxic.momentary else None

    def hurt(self) -> None:
        """Bring it into force on the connections there are and on new ones."""
        try:
            for stream in STREAMS[self.direction]:
                self._names.append(self._proxy.add(self.toxic, stream))
        except Exception:
            self.restore()
            raise

    def restore(self) -> None:
        """Take it out; harmless after the proxy has ended."""
        names, self._names = self._names, []
        for name in names if self._proxy.running else ():
            self._proxy.remove(name)

    def __repr__(self) -> str:
        return f"{self._proxy!r}.fault({self.toxic!r}, direction={self.direction!r})"
