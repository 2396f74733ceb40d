"""The users, vhosts and permissions that the suites expect, in RabbitMQ's definitions format.

RabbitMQ creates no default user when it loads definitions, so `guest` is among them.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

OTHER_VHOST = "mqproof-other"  # guest may do everything here as well
CLOSED_VHOST = "mqproof-closed"  # guest has no permission at all here
LIMITED_USER = "limited"  # may use only what its name begins, in the vhost "/"
LIMITED_PASSWORD = "not the name"
LIMITED_PATTERN = "^limited-.*"
SINGLE_RIGHTS = ("configure", "write", "read")  # each a user who has this right and no other,
SINGLE_PATTERN = "shared"  # for all names in the vhost "/" that contain this


def password_hash(password: str, salt: bytes = b"mqpf") -> str:
    """RabbitMQ's salted SHA-256: base64 of four bytes of salt and the digest of salt + password."""
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def _user(name: str, password: str, tags: str) -> dict[str, str]:
    return {
        "name": name,
        "password_hash": password_hash(password),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": tags,
    }


def _single_right(right: str) -> dict[str, str]:
    nothing = _permission(f"{right}-only", "/", "^$")
    return {**nothing, right: SINGLE_PATTERN}


def _permission(user: str, vhost: str, pattern: str) -> dict[str, str]:
    everything = dict.fromkeys(("configure", "write", "read"), pattern)
    return {"user": user, "vhost": vhost, **everything}


DEFINITIONS: Mapping[str, Any] = {
    "users": [
        _user("guest", "guest", "administrator"),
        _user(LIMITED_USER, LIMITED_PASSWORD, ""),
        *(_user(f"{right}-only", f"{right}-only", "") for right in SINGLE_RIGHTS),
    ],
    "vhosts": [{"name": "/"}, {"name": OTHER_VHOST}, {"name": CLOSED_VHOST}],
    "permissions": [
        _permission("guest", "/", ".*"),
        _permission("guest", OTHER_VHOST, ".*"),
        _permission(LIMITED_USER, "/", LIMITED_PATTERN),
        *map(_single_right, SINGLE_RIGHTS),
    ],
}


def text() -> str:
    """The definitions as a JSON document."""
    return json.dumps(DEFINITIONS, indent=2)


def write(folder: Path) -> Path:
    """Write the definitions into a folder, and give the path of the file."""
    path = folder / "definitions.json"
    path.write_text(text(), encoding="utf-8")
    return path
