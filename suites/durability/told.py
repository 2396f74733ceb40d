"""The history of clients in processes of their own, from the events that they told."""

from collections.abc import Mapping, Sequence

from suites.clients.process import Event as Told
from suites.durability.history import Action, History, Phase

MEANING: Mapping[str, tuple[Action, Phase]] = {
    "sending": (Action.SEND, Phase.INVOKE),
    "confirmed": (Action.SEND, Phase.OK),
    "returned": (Action.SEND, Phase.FAIL),
    "unknown": (Action.SEND, Phase.INFO),
    "taken": (Action.TAKE, Phase.OK),
    "settling": (Action.SETTLE, Phase.INVOKE),
}


def history_of(told: Mapping[str, Sequence[Told]], queue: str) -> History:
    """What several clients of one queue told, by their names, in the order of time.

    A life in it is a connection of the client: what one of the broker's lives delivered may be read
    when the next has begun. The history's present life is the one after all of them.
    """
    events = sorted(
        ((event.at, name, event) for name, events in told.items() for event in events),
        key=lambda each: each[0],
    )
    history = History()
    last = 0
    for _at, name, event in events:
        if event.name in MEANING:
            history.life = event.told["connection"]
            last = max(last, history.life)
            flag = event.told.get("redelivered", False)
            message = event.told["message"]
            history.add(name, *MEANING[event.name], queue, message, redelivered=flag)
    history.life = last + 1
    return history
