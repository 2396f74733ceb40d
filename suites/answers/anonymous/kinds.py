"""The kinds of queues: how the old client, and later the new one, declares each."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reports.answers.questions.anonymous_queues import QUESTION

MILLISECONDS = 1000


@dataclass(frozen=True, slots=True)
class Kind:
    """`named` by the client or by the server; `expires` when unused for the parameter's time."""

    named: bool
    expires: bool = False
    flags: Mapping[str, bool] = field(default_factory=dict)

    def name(self) -> str:
        """What the client asks for."""
        return f"mqproof.answers.{uuid.uuid4().hex[:12]}" if self.named else ""

    def arguments(self, parameters: Mapping[str, float]) -> dict[str, Any]:
        """The table of the declare."""
        if not self.expires:
            return {}
        return {"x-expires": int(parameters["expires"] * MILLISECONDS)}


KINDS: Mapping[str, Kind] = {
    "server-named exclusive": Kind(named=False, flags={"exclusive": True}),
    "server-named exclusive durable": Kind(named=False, flags={"exclusive": True, "durable": True}),
    "server-named auto-delete": Kind(named=False, flags={"auto_delete": True}),
    "server-named plain": Kind(named=False),
    "server-named durable": Kind(named=False, flags={"durable": True}),
    "client-named exclusive": Kind(named=True, flags={"exclusive": True}),
    "client-named auto-delete": Kind(named=True, flags={"auto_delete": True}),
    "client-named durable": Kind(named=True, flags={"durable": True}),
    "client-named x-expires": Kind(named=True, expires=True),
}
assert KINDS.keys() == QUESTION.rows.keys()
