"""A client's errors in words that do not depend on which call met them."""

LOST = "connection lost"

_WORDS = {
    # Which of these depends on whether the call or the look before it met the end of the link.
    "socket closed": LOST,
    "ChannelWrongStateError": LOST,
    "ConnectionWrongStateError": LOST,
    "Connection reset by peer": LOST,
    "Broken pipe": LOST,
}


def word(actual: str) -> str:
    """The word for an error of pika's in its canonical form, or for a socket's text."""
    text = actual.removeprefix("[Errno ").partition("] ")[2] or actual
    return _WORDS.get(text, text)
