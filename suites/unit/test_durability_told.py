"""Histories from what client processes told."""

from suites.clients.process import Event as Told
from suites.durability.contracts import AT_LEAST_ONCE, UNSYNCED, anomalies
from suites.durability.history import Action, Phase
from suites.durability.told import history_of


def told(name: str, at: float, message: str, connection: int = 1, **more: bool) -> Told:
    """One event of a client."""
    return Told(name, at, {"message": message, "connection": connection, **more})


PUBLISHER = [
    Told("ready", 0.0),
    told("sending", 1.0, "p:1.1"),
    told("confirmed", 2.0, "p:1.1"),
    told("sending", 3.0, "p:2.1"),
    told("unknown", 5.0, "p:2.1"),
    Told("back", 6.0, {"connection": 2}),
    told("sending", 7.0, "p:2.2", 2),
    told("returned", 8.0, "p:2.2", 2),
]
CONSUMER = [
    told("taken", 1.5, "p:1.1", redelivered=False),
    told("settling", 1.6, "p:1.1"),
    told("taken", 6.5, "p:1.1", 2, redelivered=True),
]


def test_events_become_a_history_in_the_order_of_time() -> None:
    """Of all clients; what is no message's is left out; lives are connections."""
    events = history_of({"p": PUBLISHER, "c": CONSUMER}, "q").events
    assert [(e.process, e.action, e.phase, e.message, e.life, e.redelivered) for e in events] == [
        ("p", Action.SEND, Phase.INVOKE, "p:1.1", 1, False),
        ("c", Action.TAKE, Phase.OK, "p:1.1", 1, False),
        ("c", Action.SETTLE, Phase.INVOKE, "p:1.1", 1, False),
        ("p", Action.SEND, Phase.OK, "p:1.1", 1, False),
        ("p", Action.SEND, Phase.INVOKE, "p:2.1", 1, False),
        ("p", Action.SEND, Phase.INFO, "p:2.1", 1, False),
        ("c", Action.TAKE, Phase.OK, "p:1.1", 2, True),
        ("p", Action.SEND, Phase.INVOKE, "p:2.2", 2, False),
        ("p", Action.SEND, Phase.FAIL, "p:2.2", 2, False),
    ]
    assert {event.queue for event in events} == {"q"}


def test_what_comes_after_them_is_another_life() -> None:
    """That of the draining."""
    assert history_of({"p": PUBLISHER, "c": CONSUMER}, "q").life == 3


def test_a_missing_flag_is_only_counted_where_the_disk_failed() -> None:
    """It breaks the contract of a broker that was merely killed."""
    again = told("taken", 6.5, "p:1.1", 2, redelivered=False)
    events = history_of({"p": PUBLISHER, "c": [*CONSUMER[:2], again]}, "q").events
    assert anomalies(events, AT_LEAST_ONCE.forbidden)
    assert not anomalies(events, UNSYNCED.forbidden)
    assert anomalies(events, UNSYNCED.counted)
