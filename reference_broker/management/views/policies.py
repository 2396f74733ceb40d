"""Policies and operator policies."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from reference_broker.broker.definitions import policy_of
from reference_broker.broker.policy import Policy, PolicyError
from reference_broker.broker.vhost import VHost
from reference_broker.management import shapes
from reference_broker.management.call import (
    NO_CONTENT,
    Answer,
    Call,
    Refusal,
    View,
    answers,
    not_found,
    put,
)
from reference_broker.management.shapes import Shape


def _is_operator(call: Call) -> bool:
    return "operator" in call.path


def _held(call: Call, vhost: VHost) -> Mapping[str, Policy]:
    return vhost.policies.operator if _is_operator(call) else vhost.policies.ordinary


def _listed(call: Call) -> list[Shape]:
    return [shapes.policy(v, p) for v in call.vhosts() for p in _held(call, v).values()]


def _found(call: Call) -> Shape:
    vhost = call.vhost()
    found = _held(call, vhost).get(call.path["name"])
    if found is None:
        raise not_found()
    return shapes.policy(vhost, found)


def _put(call: Call) -> Answer:
    vhost = call.vhost(body=True)
    call.need("pattern", "definition")
    existed = call.path["name"] in _held(call, vhost)
    try:
        _check_types(call.body)
        policy = policy_of({**call.body, "name": call.path["name"]})
        call.desk.hub.broker.set_policy(vhost, policy, operator=_is_operator(call))
    except PolicyError as cause:
        raise Refusal(400, "bad_request", f"Validation failed\n\n{cause}\n") from cause
    return put(existed)


def _check_types(body: Mapping[str, Any]) -> None:
    """Refuse fields of wrong types. Raises PolicyError."""
    pattern, definition = body["pattern"], body["definition"]
    if not isinstance(pattern, str):
        raise PolicyError(f"pattern should be text, actually was {pattern!r}")
    if not isinstance(definition, dict):
        raise PolicyError(f"definition should be an object, actually was {definition!r}")
    priority = body.get("priority", 0)
    if isinstance(priority, bool) or not isinstance(priority, int):
        shown = f'<<"{priority}">>' if isinstance(priority, str) else priority
        raise PolicyError(f"priority should be a number, actually was {shown}")


def _deleted(call: Call) -> Answer:
    vhost = call.vhost()
    broker = call.desk.hub.broker
    if not broker.clear_policy(vhost, call.path["name"], operator=_is_operator(call)):
        raise not_found()
    return NO_CONTENT


def _operators(view: View) -> View:
    """The view of operator policies that does what one of policies does."""

    def for_operators(call: Call) -> object:
        return view(replace(call, path={**call.path, "operator": ""}))

    return for_operators


def _enter(prefix: str, wrap: Callable[[View], View], writer: str) -> None:
    """Answer at these addresses; `writer` is the tag of those who may change something."""
    answers("GET", prefix, f"{prefix}/{{vhost}}")(wrap(_listed))
    answers("GET", f"{prefix}/{{vhost}}/{{name}}")(wrap(_found))
    answers("PUT", f"{prefix}/{{vhost}}/{{name}}", tag=writer)(wrap(_put))
    answers("DELETE", f"{prefix}/{{vhost}}/{{name}}", tag=writer)(wrap(_deleted))


_enter("/policies", lambda view: view, "policymaker")
_enter("/operator-policies", _operators, "administrator")
