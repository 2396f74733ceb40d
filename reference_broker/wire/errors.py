"""What can go wrong on the wire: undecodable bytes, and the two exceptions of AMQP 0-9-1.

A soft error closes one channel, a hard error the whole connection (specification 4.8.1). Both
carry what their Close method tells the peer: reply code, text, and the method at fault.
"""

from .spec import REPLY_CODES


class WireError(ValueError):
    """Bytes that cannot be decoded, or a value that cannot be encoded."""


class AmqpError(Exception):
    """A protocol exception with the fields of a Close method.

    `text` is the explanation alone; `reply_text` puts the code's name before it, as RabbitMQ does.
    `method` is the (class id, method id) at fault; (0, 0) says that no method is to blame, None
    that nobody has said yet.
    """

    def __init__(self, code: int, text: str, method: tuple[int, int] | None = None) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text
        self.method = method

    @property
    def reply_text(self) -> str:
        """What the Close method says, for instance `NOT_FOUND - no queue 'q' in vhost '/'`."""
        name = REPLY_CODES[self.code].upper().replace("-", "_")
        return f"{name} - {self.text}" if self.text else name

    def blame(self, method: tuple[int, int]) -> None:
        """Name the method at fault, unless whoever raised the error has named it already."""
        if self.method is None:
            self.method = method


class SoftError(AmqpError):
    """Closes the channel on which it happened, and nothing else."""


class HardError(AmqpError):
    """Closes the connection; before it is open without a Close method (2.2.4)."""


class AnnouncedError(HardError):
    """Closes the connection, and says so even to a client that is not let in."""
