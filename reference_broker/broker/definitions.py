"""Users, vhosts and permissions from a definitions file in RabbitMQ's form.

See https://www.rabbitmq.com/docs/definitions. Sections that describe anything else are refused by
name rather than silently skipped.
"""

import json
from pathlib import Path
from typing import Any

from .access import Permission
from .broker import Broker

_KNOWN = {"users", "vhosts", "permissions"}
_HARMLESS = {
    "rabbit_version",
    "rabbitmq_version",
    "product_name",
    "product_version",
    "global_parameters",
}


class DefinitionsError(Exception):
    """The file cannot be used; the text says why."""


def load_definitions(broker: Broker, path: Path) -> None:
    """Add what the file defines. Raises DefinitionsError."""
    try:
        document = json.loads(path.read_text())
    except OSError as cause:
        raise DefinitionsError(f"cannot read {path}: {cause.strerror}") from cause
    except ValueError as cause:
        raise DefinitionsError(f"{path} is not JSON: {cause}") from cause
    if not isinstance(document, dict):
        raise DefinitionsError(f"{path} holds no JSON object")
    strange = [name for name, held in document.items() if held and name not in _KNOWN | _HARMLESS]
    if strange:
        raise DefinitionsError(f"{path}: cannot load {', '.join(strange)}; only {sorted(_KNOWN)}")
    try:
        _apply(broker, document)
    except (KeyError, TypeError) as cause:
        raise DefinitionsError(f"{path}: an entry lacks {cause}") from cause


def _apply(broker: Broker, document: dict[str, Any]) -> None:
    for vhost in document.get("vhosts", []):
        broker.add_vhost(vhost["name"])
    for user in document.get("users", []):
        tags = user.get("tags", [])
        tags = tags.split(",") if isinstance(tags, str) else tags
        broker.add_user(user["name"], user["password_hash"], tags)
    for permission in document.get("permissions", []):
        user = broker.access.users[permission["user"]]
        allowed = Permission(permission["configure"], permission["write"], permission["read"])
        broker.permit(user, permission["vhost"], allowed)
