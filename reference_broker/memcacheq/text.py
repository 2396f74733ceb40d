"""The text protocol of memcached and its kin, whatever the commands are: lines, values, replies.

A line ends at LF, and a command may announce a value that follows it: so many octets and CR LF. A
session takes octets in any pieces and does no I/O. It holds back at most a line (`LINE_MAX`) and a
value (which the command bounded before it was announced); longer lines are discarded as they come.

A command is parsed to a tuple: the length of the value that follows, or `NO_VALUE`; the function
to run; its argument. Replies are gathered and go out when the turn is settled (`ports.Settlement`),
so a client hears of nothing that is not durable.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

from .ports import Settlement, Transport
from .statistics import Counters

LINE_MAX = 1024 * 1024  # octets; the real servers have no limit, or close at 2 KiB
NO_VALUE = -1
HIGH_WATER = 1024 * 1024  # octets of replies gathered before the client has to read some
READ_AHEAD = 256 * 1024  # octets taken from a client while it waits for a reply

ERROR = b"ERROR\r\n"
_TO_LINE_END = -1  # in `_surplus`

Run = Callable[[Any, Any, bytes], None]  # session, argument, value
Command = tuple[int, Run, Any]


class Commands(Protocol):
    """What lines mean."""

    def __getitem__(self, line: bytes, /) -> Command:
        """The command on a line, given without its LF."""


class TextSession(ABC):
    """One client's connection."""

    def __init__(
        self,
        settlement: Settlement,
        transport: Transport,
        commands: Commands,
        counters: Counters,
    ) -> None:
        self.out: list[bytes] = []
        self.gathered = 0  # octets of values in `out`
        self.transport = transport
        self.counters = counters
        self.settlement = settlement
        self._commands = commands
        self._rest = bytearray()
        self._wanted = 0  # octets that `_rest` needs before it can go on; 0: an end of line
        self._surplus = 0  # octets to discard, or _TO_LINE_END
        self._turned = False  # something else than the next command is due
        self._held = False  # no command is run for now
        self._stalled = False  # because the client has to read
        self._writable = True
        self._leaving = False
        self._finished = False  # the client has shut its sending side

    # octets in

    def receive(self, data: bytes) -> None:
        """Take what the socket read; what came of it is written when the turn is settled."""
        self.counters.bytes_read += len(data)
        rest = self._rest
        if self._leaving:
            return
        if rest or self._held:
            rest += data
            if self._held:
                if len(rest) > READ_AHEAD:
                    self.transport.pause_reading()
                return
            if len(rest) < self._wanted or (
                not self._wanted and b"\n" not in data and len(rest) <= LINE_MAX
            ):
                return
            data = bytes(rest)
            rest.clear()
        self._work(data)
        if self.out or self._leaving:
            self.settlement.dirty.add(self)

    def _work(self, data: bytes) -> None:
        """Run the commands in `data`; the hot loop."""
        commands = self._commands
        size = len(data)
        position = self._discard(data, 0) if self._surplus else 0
        # A line that repeats the one before is known without being looked at: clients do repeat.
        # Behind a value it is known together with the value's end.
        line, again, width, (length, run, argument) = b"\n", b"", 0, _BLANK
        repeated = False
        while position < size:
            if repeated or data.startswith(line, position):
                end = position + width
            else:
                end = data.find(b"\n", position)
                if end < 0:
                    self._keep_line(data, position)
                    return
                line = data[position : end + 1]
                again = b"\r\n" + line
                width = end - position
                length, run, argument = commands[line[:-1]]
            if length < 0:
                position = end + 1
                run(self, argument, b"")
            else:
                stop = end + 1 + length
                if stop + 2 > size:
                    self._keep(data, position, stop + 2 - position)
                    return
                repeated = data.startswith(again, stop)
                if repeated or data.startswith(b"\r\n", stop):
                    run(self, argument, data[end + 1 : stop])
                else:
                    self.bad_value(argument)
                position = stop + 2
            if self._turned:
                repeated = False
                position = self._turn(data, position)

    def _turn(self, data: bytes, position: int) -> int:
        """Do what is due in place of the next command; where that one is, the end for none."""
        self._turned = False
        if self._leaving:
            return len(data)
        if self._held:
            self._keep(data, position, 0)
            return len(data)
        return self._discard(data, position)

    def _keep(self, data: bytes, position: int, wanted: int) -> None:
        self._rest += data[position:]
        self._wanted = wanted

    def _keep_line(self, data: bytes, position: int) -> None:
        if len(data) - position > LINE_MAX:
            self._surplus = _TO_LINE_END
        else:
            self._keep(data, position, 0)

    def _discard(self, data: bytes, position: int) -> int:
        """Pass over what is to be discarded; where the next command starts."""
        if self._surplus == _TO_LINE_END:
            end = data.find(b"\n", position) + 1
            if not end:
                return len(data)
            self._surplus = 0
            self.out.append(ERROR)
            return end
        passed = min(self._surplus, len(data) - position)
        self._surplus -= passed
        return position + passed

    # what commands call

    def say(self, reply: bytes, _value: bytes) -> None:
        """Run `say`."""
        if reply:
            self.out.append(reply)

    def quit(self, _argument: None, _value: bytes) -> None:
        """Run `leave`."""
        self.leave()

    def discard(self, octets: int) -> None:
        """Pass over the next octets, however many."""
        self._surplus = octets
        self._turned = True

    def stall(self) -> None:
        """Run no further command until the client has read."""
        self._stalled = True
        self.hold()
        self.transport.pause_reading()

    def hold(self) -> None:
        """Run no further command until `go_on`."""
        self._held = self._turned = True

    def leave(self) -> None:
        """Close the connection once the replies are written; nothing more is run."""
        self._leaving = self._turned = True

    @abstractmethod
    def bad_value(self, argument: Any) -> None:
        """A value was not followed by CR LF."""

    # going on after a pause

    @abstractmethod
    def resume_command(self) -> None:
        """Finish the command that was held up, if it was not at its end."""

    def go_on(self) -> None:
        """Go on after a hold or a stall, with what came in the meantime."""
        if self._leaving:
            return
        self._held = self._stalled = False
        self.transport.resume_reading()
        self.resume_command()
        if not self._held:
            data = bytes(self._rest)
            self._rest.clear()
            self._work(data)
        if self._finished and not self._held:
            self._leaving = True
        if self.out or self._leaving:
            self.settlement.dirty.add(self)

    # octets out

    def flush(self) -> None:
        """Hand the replies to the transport."""
        self.settlement.dirty.discard(self)
        out = self.out
        if out:
            data = b"".join(out)
            out.clear()
            self.gathered = 0
            self.counters.bytes_written += len(data)
            self.transport.write(data)
        if self._leaving:
            self.transport.close()
        elif self._stalled and self._writable:
            self._stalled = False
            self.transport.after(0, self.go_on)

    def pause_writing(self) -> None:
        """The client does not read: the transport's buffer is full."""
        self._writable = False
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """The client has read."""
        self._writable = True
        if self._stalled:
            self.go_on()
        else:
            self.transport.resume_reading()

    # the end

    def finished(self) -> None:
        """The client sends no more: close once everything is answered."""
        self._finished = True
        if not self._held:
            self.leave()
            self.settlement.dirty.add(self)

    def fail(self, text: str) -> None:
        """Something is wrong in here: say so and close."""
        self.out.append(b"SERVER_ERROR %b\r\n" % text.encode())
        self.leave()
        self.settlement.dirty.add(self)

    def end(self) -> None:
        """The connection is gone."""
        self._leaving = True
        self.settlement.dirty.discard(self)


def say(reply: bytes) -> Command:
    """A command that only gives a reply; none if it is empty."""
    return NO_VALUE, TextSession.say, reply


_BLANK = say(ERROR)


def leave() -> Command:
    """A command that ends the connection; what was sent behind it is dropped."""
    return NO_VALUE, TextSession.quit, None
