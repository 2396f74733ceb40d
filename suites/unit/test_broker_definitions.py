import json
from pathlib import Path
from typing import Any

import pytest

from reference_broker.broker.access import Permission
from reference_broker.broker.broker import Broker
from reference_broker.broker.definitions import DefinitionsError, define, load_definitions
from reference_broker.broker.passwords import hash_password
from suites.unit.doubles import FakeClock

USER = {"name": "bob", "password_hash": hash_password("secret"), "tags": "management,monitoring"}
VHOST = {"name": "v"}
PERMISSION = {"user": "bob", "vhost": "v", "configure": "^$", "write": ".*", "read": "^r"}
GOOD: dict[str, Any] = {
    "rabbit_version": "3.10.8",
    "users": [USER],
    "vhosts": [VHOST],
    "permissions": [PERMISSION],
    "queues": [],
    "global_parameters": [{"name": "cluster_name", "value": "x"}],
}


def without(entry: dict[str, Any], name: str) -> dict[str, Any]:
    """The entry without one of its fields."""
    return {key: value for key, value in entry.items() if key != name}


def loaded(tmp_path: Path, document: Any) -> Broker:
    """A broker with what the document defines."""
    path = tmp_path / "definitions.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    broker = Broker(FakeClock())
    load_definitions(broker, path)
    return broker


def test_a_file_as_rabbitmq_exports_it(tmp_path: Path) -> None:
    """Users, vhosts and permissions are there; what is empty or harmless does not matter."""
    broker = loaded(tmp_path, GOOD)
    bob = broker.access.authenticate("bob", "secret")
    assert bob is not None
    assert bob.tags == {"management", "monitoring"}
    assert bob.permissions == {"v": Permission("^$", ".*", "^r")}
    assert broker.open_vhost("v", bob).name == "v"
    assert set(broker.vhosts) == {"v"}
    assert set(broker.access.users) == {"bob"}


OF_RABBITMQ_4: dict[str, Any] = {
    **GOOD,
    "rabbit_version": "4.3.6",
    "rabbitmq_definition_format": "cluster",
    "original_cluster_name": "rabbit@host",
    "explanation": "Definitions of cluster 'rabbit@host'",
    "vhosts": [
        {
            "name": "v",
            "limits": {"max-queues": 9},
            "metadata": {"description": "", "tags": [], "default_queue_type": "classic"},
        }
    ],
    "queues": [
        {
            "name": "q",
            "vhost": "v",
            "type": "quorum",
            "durable": True,
            "auto_delete": False,
            "arguments": {"x-queue-type": "quorum"},
        }
    ],
}


def test_a_file_as_rabbitmq_4_exports_it(tmp_path: Path) -> None:
    """What it adds is harmless, or understood: a vhost has its limits with it."""
    vhost = loaded(tmp_path, OF_RABBITMQ_4).vhosts["v"]
    assert vhost.limits == {"max-queues": 9}
    assert vhost.queues["q"].kind == "quorum"


def test_a_vhost_as_rabbitmq_4_exports_it() -> None:
    """Its properties stand beside the sections, and nothing names the vhost."""
    broker = Broker(FakeClock())
    document = {
        "rabbitmq_definition_format": "single_virtual_host",
        "original_vhost_name": "w",
        "explanation": "Definitions of virtual host 'w'",
        "description": "",
        "default_queue_type": "classic",
        "metadata": {"description": "", "tags": [], "default_queue_type": "classic"},
        "limits": [],
        "queues": [{"name": "q", "durable": True, "auto_delete": False, "arguments": {}}],
    }
    define(broker, document, "v")
    assert set(broker.vhosts["v"].queues) == {"q"}
    define(broker, {**document, "limits": {"max-queues": 9}}, "v")
    assert broker.vhosts["v"].limits == {"max-queues": 9}


@pytest.mark.parametrize("within", [False, True])
def test_another_default_type_of_queues_is_refused(tmp_path: Path, within: bool) -> None:
    """Queues that were meant to be quorum queues must not be classic ones unseen."""
    kind: dict[str, Any] = {"default_queue_type": "quorum"}
    with pytest.raises(DefinitionsError, match="vhost 'v': its default queue type 'quorum'"):
        loaded(tmp_path, {"vhosts": [{**VHOST, **({"metadata": kind} if within else kind)}]})


def test_tags_may_be_a_list(tmp_path: Path) -> None:
    """Newer files have a list of tags, older ones a text with commas."""
    broker = loaded(tmp_path, {"users": [{**USER, "tags": ["a", "b"]}]})
    assert broker.access.users["bob"].tags == {"a", "b"}


def test_an_empty_file_defines_nothing(tmp_path: Path) -> None:
    """An object without sections is legal."""
    assert not loaded(tmp_path, {}).vhosts


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("{", "is not JSON"),
        ("", "is not JSON"),
        ("[]", "no JSON object"),
        ({**GOOD, "queues": [{"name": "q"}]}, "queues"),
        ({**GOOD, "shovels": [{}], "bananas": [{}]}, "shovels, bananas"),
        ({**GOOD, "policies": [{}]}, "an entry of policies lacks 'name'"),
        ({"users": {"name": "bob"}}, "users is not a list"),
        ({"vhosts": ["v"]}, "vhosts is not a list"),
        ({"users": [without(USER, "name")]}, "lacks 'name'"),
        ({"users": [without(USER, "password_hash")]}, "password"),
        ({"users": [{**USER, "password_hash": "\xe9"}]}, "password_hash"),
        ({"users": [{**USER, "password_hash": 5}]}, "password_hash"),
        (
            {"users": [{**USER, "hashing_algorithm": "rabbit_password_hashing_sha512"}]},
            "rabbit_password_hashing_sha512",
        ),
        ({**GOOD, "permissions": [{**PERMISSION, "user": "eve"}]}, "eve"),
        ({**GOOD, "permissions": [{**PERMISSION, "vhost": "w"}]}, "'w'"),
        ({**GOOD, "permissions": [{**PERMISSION, "read": "("}]}, r"\("),
        ({**GOOD, "permissions": [without(PERMISSION, "write")]}, "lacks 'write'"),
        ({"vhosts": [{}]}, "lacks 'name'"),
        ({"vhosts": [{"name": []}]}, "wrong type"),
        ({"users": [{**USER, "name": 5}]}, "wrong type"),
        ({"users": [{**USER, "tags": 5}]}, "wrong type"),
        ({**GOOD, "permissions": [{**PERMISSION, "user": []}]}, "wrong type"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, document: Any, text: str) -> None:
    """Each is refused with one line that names the file and what is wrong with it."""
    with pytest.raises(DefinitionsError, match=text) as caught:
        loaded(tmp_path, document)
    assert "definitions.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, a folder and octets that are no text are refused by name."""
    octets = tmp_path / "octets"
    octets.write_bytes(b"\xff\xfe\xfd")
    for path in (tmp_path / "missing", tmp_path, octets):
        with pytest.raises(DefinitionsError, match=path.name):
            load_definitions(Broker(FakeClock()), path)
