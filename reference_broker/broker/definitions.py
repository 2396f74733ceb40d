"""Definitions in RabbitMQ's form: everything but messages, into a broker and out of it.

See https://www.rabbitmq.com/docs/definitions. What is there already stays as it is, but for users,
permissions, policies and limits, which are replaced. Sections and parameters that describe anything
else are refused by name rather than silently skipped.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from reference_broker.wire.errors import AmqpError

from .access import Permission, TopicPermission, User
from .broker import Broker
from .passwords import HASHERS, SHA256, check_hash
from .policy import Policy
from .vhost import VHost

RIGHTS = ("configure", "write", "read")
_HARMLESS = {
    "rabbit_version",
    "rabbitmq_version",
    "product_name",
    "product_version",
    "global_parameters",
    "rabbitmq_definition_format",
    "original_cluster_name",
    "original_vhost_name",
    "explanation",
}
_PROPERTIES = ("default_queue_type", "limits", "metadata")
"""Of a vhost, which RabbitMQ 4 puts beside the sections when it exports one alone."""
_OF_VHOST = {"name": str, "vhost": str}
_FIELDS: dict[str, dict[str, type]] = {
    "vhosts": {"name": str},
    "users": {"name": str, "password_hash": str},
    "permissions": {"user": str, "vhost": str, **dict.fromkeys(RIGHTS, str)},
    "topic_permissions": {"user": str, "vhost": str, "exchange": str, "write": str, "read": str},
    "parameters": {**_OF_VHOST, "component": str, "value": dict},
    "policies": {**_OF_VHOST, "pattern": str, "definition": dict},
    "exchanges": {**_OF_VHOST, "type": str},
    "queues": {**_OF_VHOST},
    "bindings": {"vhost": str, "source": str, "destination": str, "destination_type": str},
}
"""The sections, in the order in which they are applied, and the fields that an entry must have."""

_DEFAULT_TYPES = (None, "undefined", "classic")  # of queues in a vhost
_OPTIONAL = {
    "durable": bool,
    "auto_delete": bool,
    "internal": bool,
    "arguments": dict,
    "priority": int,
    "apply-to": str,
    "routing_key": str,
    "hashing_algorithm": str,
    "limits": dict,
    "metadata": dict,
}


class DefinitionsError(Exception):
    """The definitions cannot be used; the text says why."""


def load_definitions(broker: Broker, path: Path) -> None:
    """Add what a file defines. Raises DefinitionsError."""
    try:
        document = json.loads(path.read_text())
    except OSError as cause:
        raise DefinitionsError(f"cannot read {path}: {cause.strerror}") from cause
    except ValueError as cause:
        raise DefinitionsError(f"{path} is not JSON: {cause}") from cause
    try:
        define(broker, document)
    except DefinitionsError as cause:
        raise DefinitionsError(f"{path}: {cause}") from cause


def define(broker: Broker, document: Any, vhost: str | None = None) -> None:
    """Add what a document defines, all of it in `vhost` if one is named. Raises DefinitionsError.

    A document that is wrong in itself changes nothing.
    """
    if not isinstance(document, dict):
        raise DefinitionsError("holds no JSON object")
    known = {*_FIELDS, *_HARMLESS, *(() if vhost is None else ("description", *_PROPERTIES))}
    strange = [name for name, held in document.items() if held and name not in known]
    if strange:
        raise DefinitionsError(f"cannot load {', '.join(strange)}; only {sorted(_FIELDS)}")
    sections = {name: document.get(name) or [] for name in _FIELDS}
    if vhost is not None:
        own = {name: document[name] for name in _PROPERTIES if document.get(name)}
        sections["vhosts"] = [{"name": vhost, **own}]
    for name, entries in sections.items():
        _check_section(name, entries, {} if vhost is None else {"vhost": vhost})
    try:
        for name, entries in sections.items():
            for entry in entries:
                _APPLIERS[name](broker, entry if vhost is None else {**entry, "vhost": vhost})
    except ValueError as cause:
        raise DefinitionsError(str(cause)) from cause
    except AmqpError as cause:
        raise DefinitionsError(cause.text) from cause


def _check_section(section: str, entries: Any, given: Mapping[str, str]) -> None:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise DefinitionsError(f"{section} is not a list of objects")
    for entry in entries:
        for name, kind in _FIELDS[section].items():
            if name not in entry and name not in given:
                raise DefinitionsError(f"an entry of {section} lacks {name!r}")
            _check_type(section, name, entry.get(name, ""), kind if name in entry else str)
        for name, kind in _OPTIONAL.items():
            if name in entry:
                _check_type(section, name, entry[name], kind)


def _check_type(section: str, name: str, value: Any, kind: type) -> None:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise DefinitionsError(f"wrong type of {name} in {section}: {value!r}")


# one function a section


def _vhost(broker: Broker, entry: Mapping[str, Any]) -> None:
    kind = entry.get("default_queue_type", entry.get("metadata", {}).get("default_queue_type"))
    if kind not in _DEFAULT_TYPES:
        raise ValueError(
            f"vhost {entry['name']!r}: its default queue type {kind!r} is not supported: "
            "name the type in the arguments of each queue"
        )
    vhost = broker.add_vhost(entry["name"])
    if entry.get("limits"):
        vhost.limits = checked_limits(entry["limits"], VHOST_LIMITS)
        broker.save_vhost(vhost)


def _user(broker: Broker, entry: Mapping[str, Any]) -> None:
    algorithm = entry.get("hashing_algorithm", SHA256)
    if algorithm not in HASHERS:
        raise ValueError(f"user {entry['name']!r}: hashing algorithm {algorithm} is not supported")
    try:
        check_hash(entry["password_hash"])
    except ValueError as cause:
        raise ValueError(f"user {entry['name']!r}: wrong password_hash: {cause}") from cause
    user = broker.add_user(entry["name"], entry["password_hash"], tags_of(entry.get("tags", [])))
    if "limits" in entry:
        user.limits = checked_limits(entry["limits"], USER_LIMITS)
        broker.save_user(user)


def tags_of(tags: Any) -> list[str]:
    """A user's tags, from a list or from words with commas between them. Raises ValueError."""
    names = tags.split(",") if isinstance(tags, str) else tags
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"wrong type of tags: {tags!r}")
    return [name.strip() for name in names if name.strip()]


def _permission(broker: Broker, entry: Mapping[str, Any]) -> None:
    user, vhost = _user_and_vhost(broker, entry)
    patterns = [checked_pattern(entry[right]) for right in RIGHTS]
    broker.permit(user, vhost.name, Permission(*patterns))


def _topic_permission(broker: Broker, entry: Mapping[str, Any]) -> None:
    user, vhost = _user_and_vhost(broker, entry)
    patterns = [checked_pattern(entry[right]) for right in ("write", "read")]
    user.topics[vhost.name, entry["exchange"]] = TopicPermission(*patterns)
    broker.rights_changed(user, vhost.name)


def _user_and_vhost(broker: Broker, entry: Mapping[str, Any]) -> tuple[User, VHost]:
    user, vhost = broker.access.users.get(entry["user"]), broker.vhosts.get(entry["vhost"])
    if user is None or vhost is None:
        raise ValueError(f"permission for an unknown user or vhost: {dict(entry)}")
    return user, vhost


def checked_pattern(pattern: str) -> str:
    """The pattern. Raises ValueError if it is no regular expression."""
    try:
        re.compile(pattern)
    except re.error as cause:
        raise ValueError(f"{pattern!r} is not a regular expression: {cause}") from cause
    return pattern


VHOST_LIMITS = ("max-connections", "max-queues")
USER_LIMITS = ("max-connections", "max-channels")


def checked_limits(limits: Mapping[str, Any], known: tuple[str, ...]) -> dict[str, int]:
    """The limits. Raises ValueError, in RabbitMQ's words."""
    for name, value in limits.items():
        if name not in known:
            raise ValueError(f'Unrecognised terms [{{<<"{name}">>,{value}}}] in limits')
        if isinstance(value, bool) or not isinstance(value, int):
            shown = f'<<"{value}">>' if isinstance(value, str) else value
            text = f"{name} should be a number, actually was {shown}"
            raise ValueError(text)  # noqa: TRY004  as all that is wrong with a document
    return dict(limits)


def _parameter(broker: Broker, entry: Mapping[str, Any]) -> None:
    vhost = _known_vhost(broker, entry)
    if entry["component"] == "vhost-limits":
        vhost.limits = checked_limits(entry["value"], VHOST_LIMITS)
        broker.save_vhost(vhost)
    elif entry["component"] == "operator_policy":
        broker.set_policy(
            vhost, policy_of({**entry["value"], "name": entry["name"]}), operator=True
        )
    else:
        raise ValueError(f"cannot load the parameter component {entry['component']}")


def _policy(broker: Broker, entry: Mapping[str, Any]) -> None:
    broker.set_policy(_known_vhost(broker, entry), policy_of(entry))


def policy_of(entry: Mapping[str, Any]) -> Policy:
    """A policy from its JSON. Raises KeyError for what is missing."""
    return Policy(
        entry["name"],
        entry["pattern"],
        entry["definition"],
        entry.get("priority", 0),
        entry.get("apply-to", "all"),
    )


def _exchange(broker: Broker, entry: Mapping[str, Any]) -> None:
    vhost = _known_vhost(broker, entry)
    if entry["name"] not in vhost.exchanges:
        vhost.declare_exchange(
            entry["name"],
            entry["type"],
            durable=entry.get("durable", True),
            auto_delete=entry.get("auto_delete", False),
            internal=entry.get("internal", False),
            arguments=entry.get("arguments", {}),
        )


def _queue(broker: Broker, entry: Mapping[str, Any]) -> None:
    vhost = _known_vhost(broker, entry)
    if entry["name"] not in vhost.queues:
        vhost.declare_queue(
            entry["name"],
            durable=entry.get("durable", True),
            auto_delete=entry.get("auto_delete", False),
            owner=None,
            arguments=entry.get("arguments", {}),
        )


def _binding(broker: Broker, entry: Mapping[str, Any]) -> None:
    vhost = _known_vhost(broker, entry)
    source, name = vhost.exchange(entry["source"]), entry["destination"]
    to_queue = entry["destination_type"] == "queue"
    destination = vhost.queue(name, None) if to_queue else vhost.exchange(name)
    vhost.bind(source, destination, entry.get("routing_key", ""), entry.get("arguments", {}))


def _known_vhost(broker: Broker, entry: Mapping[str, Any]) -> VHost:
    vhost = broker.vhosts.get(entry["vhost"])
    if vhost is None:
        raise ValueError(f"no vhost {entry['vhost']!r} for {entry.get('name', 'a binding')!r}")
    return vhost


_APPLIERS: dict[str, Callable[[Broker, Mapping[str, Any]], None]] = {
    "vhosts": _vhost,
    "users": _user,
    "permissions": _permission,
    "topic_permissions": _topic_permission,
    "parameters": _parameter,
    "policies": _policy,
    "exchanges": _exchange,
    "queues": _queue,
    "bindings": _binding,
}
