"""What operators have set for vhosts and users, as JSON in one column each."""

import json
from dataclasses import asdict
from typing import Any

from reference_broker.broker.access import TopicPermission, User
from reference_broker.broker.policy import Policy
from reference_broker.broker.vhost import VHost


def vhost_settings(vhost: VHost) -> str:
    """All that a vhost has beside its name and what is in it."""
    policies = vhost.policies
    return json.dumps(
        {
            "description": vhost.description,
            "tags": vhost.tags,
            "limits": vhost.limits,
            "policies": [asdict(policy) for policy in policies.ordinary.values()],
            "operator_policies": [asdict(policy) for policy in policies.operator.values()],
        }
    )


def restore_vhost(vhost: VHost, text: str) -> None:
    """The reverse."""
    settings: dict[str, Any] = json.loads(text)
    vhost.description, vhost.tags = settings["description"], settings["tags"]
    vhost.limits = settings["limits"]
    for entry in settings["policies"]:
        vhost.policies.ordinary[entry["name"]] = Policy(**entry)
    for entry in settings["operator_policies"]:
        vhost.policies.operator[entry["name"]] = Policy(**entry)


def user_settings(user: User) -> str:
    """A user's limits and topic permissions."""
    topics = [[*where, topic.write, topic.read] for where, topic in user.topics.items()]
    return json.dumps({"limits": user.limits, "topics": topics})


def restore_user(user: User, text: str) -> None:
    """The reverse."""
    settings: dict[str, Any] = json.loads(text)
    user.limits = settings["limits"]
    for vhost, exchange, write, read in settings["topics"]:
        user.topics[vhost, exchange] = TopicPermission(write, read)
