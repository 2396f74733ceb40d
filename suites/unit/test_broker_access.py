import base64
import hashlib

import pytest

from reference_broker.broker.access import Access, Permission, User
from reference_broker.broker.broker import Broker
from reference_broker.broker.passwords import hash_password
from reference_broker.wire.errors import AnnouncedError, SoftError
from suites.unit.doubles import FakeClock, MemoryStore

# From RabbitMQ's documentation of passwords: "test12" with the salt 90 8D C6 0A.
PUBLISHED_HASH = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"


@pytest.fixture
def broker() -> Broker:
    """A broker with guest and the vhosts `/` and `closed`."""
    broker = Broker(FakeClock())
    broker.add_guest()
    broker.add_vhost("closed")
    return broker


def user(**permission: str) -> User:
    """A user with this permission in the vhost `v`."""
    made = User("u", hash_password("p"))
    made.permissions["v"] = Permission(**permission)
    return made


def allowed(who: User, what: str, name: str, vhost: str = "v") -> bool:
    """Whether the user may."""
    try:
        who.check(vhost, what, "queue", name)
    except SoftError:
        return False
    return True


def test_the_published_hash() -> None:
    """A hash is base64 of the salt and SHA-256 of salt and password, as RabbitMQ documents it."""
    assert hash_password("test12", bytes.fromhex("908dc60a")) == PUBLISHED_HASH
    salted = base64.b64decode(hash_password("p"))
    assert salted[4:] == hashlib.sha256(salted[:4] + b"p").digest()
    assert hash_password("p") != hash_password("p")


def test_authentication() -> None:
    """The right password gives the user; a wrong one, another's or nobody's gives None."""
    access = Access()
    access.add("a", hash_password("one"))
    access.add("b", PUBLISHED_HASH)
    access.add("unicode", hash_password("p\xe4ss"))
    assert access.authenticate("a", "one") is access.users["a"]
    assert access.authenticate("b", "test12") is access.users["b"]
    assert access.authenticate("unicode", "p\xe4ss") is access.users["unicode"]
    for name, password in (("a", "two"), ("a", ""), ("a", "test12"), ("c", "one"), ("c", "")):
        assert access.authenticate(name, password) is None


@pytest.mark.parametrize("what", ["configure", "write", "read"])
def test_each_permission_is_its_own(what: str) -> None:
    """Leave to do one thing is no leave to do another."""
    who = user(**{**dict.fromkeys(("configure", "write", "read"), "^$"), what: "^mine$"})
    for asked in ("configure", "write", "read"):
        assert allowed(who, asked, "mine") == (asked == what)


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        (".*", ["", "a", "amq.gen-x"], []),
        ("", [], ["", "a"]),
        ("^$", [], ["", "a"]),
        ("^a", ["a", "ab", ""], ["ba"]),
        ("a", ["a", "bab"], ["b"]),
        ("^(a|b)-.*", ["a-1", "b-"], ["c-1", "a"]),
        ("^amq.default$", [""], ["amq.other"]),
    ],
)
def test_patterns_are_searched_in_the_name(pattern: str, yes: list[str], no: list[str]) -> None:
    """A pattern may match anywhere; the default exchange goes by amq.default; empty is nothing."""
    who = user(read=pattern)
    assert [name for name in yes + no if allowed(who, "read", name)] == yes


def test_no_permission_in_another_vhost() -> None:
    """What is allowed in one vhost says nothing about another."""
    assert not allowed(user(), "read", "a", vhost="w")


@pytest.mark.parametrize(("name", "shown"), [("q", "q"), ("", "amq.default")])
def test_a_refusal_names_all_that_matters(name: str, shown: str) -> None:
    """It is 403 and says what was asked of which vhost by whom."""
    with pytest.raises(SoftError) as caught:
        user(write="^$").check("v", "write", "exchange", name)
    assert caught.value.code == 403
    text = f"access to exchange '{shown}' in vhost 'v' refused for user 'u'"
    assert caught.value.text == text


def test_opening_a_vhost(broker: Broker) -> None:
    """Guest may enter `/` alone; both refusals are 530 and say which it is."""
    guest = broker.access.users["guest"]
    assert guest.tags == {"administrator"}
    assert broker.open_vhost("/", guest) is broker.vhosts["/"]
    for name, text in (("missing", "not found"), ("closed", "refused for user 'guest'")):
        with pytest.raises(AnnouncedError, match=text) as caught:
            broker.open_vhost(name, guest)
        assert caught.value.code == 530


def test_a_vhost_is_added_once(broker: Broker) -> None:
    """Adding one that is there changes nothing."""
    held = broker.vhosts["/"]
    assert broker.add_vhost("/") is held


def test_users_and_vhosts_are_stored() -> None:
    """With a store, what is added is kept: vhosts old and new go on with it."""
    store = MemoryStore()
    broker = Broker(FakeClock())
    early = broker.add_vhost("early")
    broker.keep_in(store)
    broker.add_guest()
    assert early.store is store
    assert store.calls == [("save vhost", "/"), ("save user", "guest"), ("save user", "guest")]
