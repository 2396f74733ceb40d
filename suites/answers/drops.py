"""The ways in which a client process, or its link, may end or fall silent."""

from collections.abc import Callable, Mapping

from faults.process import Pause
from faults.toxics import Blackhole, Fin, OneWayLoss, Reset
from suites.clients.remote import RemoteClient

Drop = Callable[[RemoteClient], object]

DROPS: Mapping[str, Drop] = {
    "connection.close": lambda client: client.call("close"),
    "FIN": lambda client: client.fault(Fin()).start(),
    "RST": lambda client: client.fault(Reset()).start(),
    "SIGKILL": lambda client: client.kill(),
    "SIGSTOP": lambda client: Pause(client).start(),
    "blackhole": lambda client: client.fault(Blackhole()).start(),
}
"""Those that leave the broker alone, by the names that questions give them."""

ONE_WAY: Mapping[str, Drop] = {
    "one-way loss up": lambda client: client.fault(OneWayLoss("up")).start(),
    "one-way loss down": lambda client: client.fault(OneWayLoss("down")).start(),
}
"""Links that lose what one side says, and carry what the other does."""
