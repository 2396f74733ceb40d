"""A client process behind a proxy of its own, so that its link can be hurt and is written down."""

from typing import Any

from faults import Fault, Proxy
from faults.proxy import Direction, Toxic
from faults.toxiproxy import RemoteProxy
from suites.brokers.base import Endpoint
from suites.clients.process import ClientProcess
from suites.clients.tap import Tap
from suites.clients.transcript import Transcript


class RemoteClient(ClientProcess):
    """Connects through `proxy`; its frames are in the transcript under `label`.

    Faults are those of `proxy`, or of a Toxiproxy's that stands behind it.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        transcript: Transcript,
        label: str,
        toxiproxy: RemoteProxy | None = None,
    ) -> None:
        super().__init__()
        self.endpoint = endpoint
        self.label = label
        self.transcript = transcript
        self._toxiproxy = toxiproxy
        beyond = toxiproxy or endpoint
        self.proxy = Proxy(beyond.host, beyond.port).start()
        self.proxy.fault(Tap(transcript, label)).start()

    def join(self, **parameters: Any) -> None:
        """Start it if it does not run, and connect; parameters are pika's, such as `heartbeat`."""
        self.start()
        self.connect(self.endpoint, port=self.proxy.port, **parameters)

    def fault(self, toxic: Toxic, direction: Direction | None = None) -> Fault:
        """This harm to its link, to be entered as a context manager."""
        return (self._toxiproxy or self.proxy).fault(toxic, direction=direction)

    def close(self) -> None:
        """End the process, then the proxies."""
        try:
            super().close()
        finally:
            self.proxy.close()
            if self._toxiproxy is not None:
                self._toxiproxy.close()
