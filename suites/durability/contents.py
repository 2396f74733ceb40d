"""Messages that can be told from each other, and whole ones from damaged ones."""

import random
from typing import Any

from suites.clients.received import Delivery

SIZES = (0, 60, 60, 60, 60, 60, 400, 400, 400, 5_000, 5_000, 150_000)  # octets; some multi-frame
_PATTERN = bytes(range(256))


def content(message: str) -> tuple[bytes, dict[str, Any]]:
    """The body and the properties of the persistent message of this id."""
    size = random.Random(message).choice(SIZES)  # noqa: S311  data for a test
    body = (message.encode() + _PATTERN * (size // 256 + 1))[:size]
    headers = {"id": message, "size": size, "text": "Grüße ✓", "nested": {"list": [1, True, "x"]}}
    properties = {
        "content_type": "application/octet-stream",
        "headers": headers,
        "delivery_mode": 2,
        "message_id": message,
        "timestamp": 1_700_000_000,
    }
    return body, properties


def identify(delivery: Delivery) -> str:
    """The message's id; one that nobody sent if the message is not as it was sent."""
    message = str(delivery.properties.get("message_id", "(no id)"))
    if (delivery.body, delivery.properties) == content(message):
        return message
    return f"{message}, damaged ({len(delivery.body)} octets)"
