"""Users, vhosts and permissions from a definitions file in RabbitMQ's form.

See https://www.rabbitmq.com/docs/definitions. Sections that describe anything else are refused by
name rather than silently skipped.
"""

import base64
import json
import re
from pathlib import Path
from typing import Any

from .access import Permission
from .broker import Broker

_KNOWN = {"users", "vhosts", "permissions"}
_TEXTS = {"name", "password_hash", "user", "vhost", "configure", "write", "read"}
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
        for section in _KNOWN:
            _check_section(section, document.get(section, []))
        _apply(broker, document)
    except (TypeError, AttributeError) as cause:
        raise DefinitionsError(f"{path}: a field has the wrong type: {cause}") from cause
    except KeyError as cause:
        raise DefinitionsError(f"{path}: an entry lacks {cause}") from cause
    except ValueError as cause:
        raise DefinitionsError(f"{path}: {cause}") from cause


def _apply(broker: Broker, document: dict[str, Any]) -> None:
    for vhost in document.get("vhosts", []):
        broker.add_vhost(vhost["name"])
    for user in document.get("users", []):
        _check_hash(user)
        tags = user.get("tags", [])
        tags = tags.split(",") if isinstance(tags, str) else tags
        broker.add_user(user["name"], user["password_hash"], tags)
    for permission in document.get("permissions", []):
        user = broker.access.users.get(permission["user"])
        if user is None or permission["vhost"] not in broker.vhosts:
            raise ValueError(f"permission for an unknown user or vhost: {permission}")
        for what in ("configure", "write", "read"):
            _check_pattern(permission[what])
        allowed = Permission(permission["configure"], permission["write"], permission["read"])
        broker.permit(user, permission["vhost"], allowed)


def _check_section(section: str, entries: Any) -> None:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(f"{section} is not a list of objects")
    for name, value in ((name, value) for entry in entries for name, value in entry.items()):
        if name in _TEXTS and not isinstance(value, str):
            raise ValueError(f"wrong type of {name} in {section}: {value!r}")


def _check_hash(user: dict[str, Any]) -> None:
    algorithm = user.get("hashing_algorithm", "rabbit_password_hashing_sha256")
    if algorithm != "rabbit_password_hashing_sha256":
        raise ValueError(f"user {user['name']!r}: hashing algorithm {algorithm} is not supported")
    try:
        base64.b64decode(user["password_hash"], validate=True)
    except (TypeError, ValueError) as cause:
        raise ValueError(f"user {user['name']!r}: password_hash is not base64") from cause


def _check_pattern(pattern: str) -> None:
    try:
        re.compile(pattern)
    except (TypeError, re.error) as cause:
        raise ValueError(f"{pattern!r} is not a regular expression: {cause}") from cause
