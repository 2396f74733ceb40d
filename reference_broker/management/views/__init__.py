"""What the API answers, by what it is about; importing them fills the table of routes."""

from . import connections, definitions, entities, health, messages, own, policies, users, vhosts

__all__ = [
    "connections",
    "definitions",
    "entities",
    "health",
    "messages",
    "own",
    "policies",
    "users",
    "vhosts",
]
