"""What the connections of the memcacheq port share: profile, queues, parsed lines, counters."""

from reference_broker.broker.vhost import VHost

from .grammar import VERSION, Grammar
from .ports import Settlement, Transport
from .queues import Queues
from .session import END, MemcacheqSession
from .settings import Settings
from .statistics import Counters, ProcessTimes, stat_lines

_STATS_BUFFER = 2048  # the real server writes `stats queue` into so many octets,
_STATS_END = 3  # of which it keeps these for END,
_STATS_MARGIN = 50  # and begins no line without the name's length and this to spare


class Memcacheq:
    """The queues of one vhost behind memcached's text protocol."""

    def __init__(self, settlement: Settlement, vhost: VHost, settings: Settings) -> None:
        self._strict = settings.strict
        self._queues = Queues(vhost)
        self._counters = Counters()
        self._commands = Grammar(settings, self._queues, self._statistics)
        self._settlement = settlement
        self._times = ProcessTimes()

    def connect(self, transport: Transport) -> MemcacheqSession:
        """A client has come."""
        return MemcacheqSession(self._settlement, transport, self._commands, self._counters)

    def _statistics(self, what: str) -> bytes:
        """The reply to `stats`: `general`, `queue`, or `reset`, which starts the counters anew."""
        if what == "reset":
            self._counters.reset()
            return b"RESET\r\n"
        return (self._queue_lines() if what == "queue" else self._general_lines()) + END

    def _general_lines(self) -> bytes:
        counters = self._counters
        return stat_lines(
            {
                **self._times.lines(VERSION),
                "curr_connections": counters.curr_connections,
                "total_connections": counters.total_connections,
                "connection_structures": counters.peak_connections,
                "get_cmds": counters.get_hits + counters.get_misses,
                "get_hits": counters.get_hits,
                "set_cmds": counters.set_hits + counters.set_misses,
                "set_hits": counters.set_hits,
                "bytes_read": counters.bytes_read,
                "bytes_written": counters.bytes_written,
                "threads": 1,
            }
        )

    def _queue_lines(self) -> bytes:
        lines = []
        room = _STATS_BUFFER - _STATS_END
        for name, sets, gets in self._queues.depths():
            line = b"STAT %b %d/%d\r\n" % (name, sets, gets)
            if self._strict:
                if room <= len(name) + _STATS_MARGIN:
                    break
                room -= len(line)
            lines.append(line)
        return b"".join(lines)
