"""AMQP programs on two brokers and the model: the comparison, and how a difference is told."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest

from hypothesis import strategies as st

from suites.brokers.base import Endpoint
from suites.stateful import paste, program
from suites.stateful.campaign import Finding
from suites.stateful.generate import Run, programs
from suites.stateful.model import Rest
from suites.stateful.stage import Seen, Stage, by_lane, matches

HURRIED = 1.0
"""Seconds of patience once a difference is known to be there, and is made smaller."""
AT_THE_END = "(at the end)"
MODEL = "model"


class AmqpContest:
    """Brokers by the names that they are told apart by; programs run on each in turn."""

    what = "amqp"

    def __init__(self, endpoints: Mapping[str, Endpoint], only: Sequence[str] = ()) -> None:
        self.subjects = list(endpoints)
        self._only = tuple(only)
        self._stages: list[Stage] = []
        try:
            for name, endpoint in endpoints.items():
                self._stages.append(Stage(endpoint, name))
        except BaseException:
            self.close()
            raise

    def programs(self) -> st.SearchStrategy[Run]:
        """Programs with what the model says of each step."""
        return programs(self._only)

    def differs(self, run: Run) -> Finding | None:
        """Run it on each broker; the first step on which one differs from another or the model."""
        seen = {stage.label: stage.run(run.program, run.rests) for stage in self._stages}
        place = first_difference(run.rests, list(seen.values()))
        if place is None:
            return None
        return _finding(run, seen, place)

    def hurry(self) -> None:
        """Wait less for what will not come."""
        for stage in self._stages:
            stage.patience = HURRIED

    def close(self) -> None:
        """Close the connections; the brokers are not ours."""
        for stage in self._stages:
            stage.close()


def first_difference(rests: Sequence[Rest], seen: Sequence[Sequence[Seen]]) -> int | None:
    """The number of the first step on which not all agree; after the last step comes the end."""
    for place, per_subject in enumerate(zip_longest(*seen)):
        if any(one is None for one in per_subject):
            return place
        if place == len(rests):
            return place if any(one.events for one in per_subject) else None
        if not all(matches(one, rests[place]) for one in per_subject):
            return place
        if len({_details(one) for one in per_subject}) > 1:
            return place
    return None


def _details(seen: Seen) -> tuple[tuple[str, str, str], ...]:
    """All that was said, lane by lane, with the properties, which the model does not know."""
    return tuple(sorted((e.lane, e.text, e.detail) for e in seen.events if e.detail))


def _finding(run: Run, seen: Mapping[str, Sequence[Seen]], place: int) -> Finding:
    step = str(run.program[place]) if place < len(run.program) else AT_THE_END
    shown = run.program[: place + 1]
    return Finding(
        title=f"after {len(shown)} steps: {step}",
        transcript=_transcript(run, seen, place),
        program=program.dump(shown),
        test=paste.as_test(shown, run.rests),
    )


def _transcript(run: Run, seen: Mapping[str, Sequence[Seen]], place: int) -> str:
    """Each step with what came of it; where subjects differ, what each of them did."""
    lines: list[str] = []
    for number, step in enumerate(run.program[:place]):
        lines.append(f"  > {step}")
        lines += [
            f"      < {lane}: {t}" for lane, ts in run.rests[number].lanes.items() for t in ts
        ]
    step_now = run.program[place] if place < len(run.program) else AT_THE_END
    lines.append(f"  > {step_now}")
    if place < len(run.rests):
        lines += _told(MODEL, _of_model(run.rests[place]))
    for name, steps in seen.items():
        said = _of_broker(steps[place]) if place < len(steps) else ["(ended before)"]
        lines += _told(name, said)
    return "\n".join(lines)


def _told(name: str, said: Iterable[str]) -> list[str]:
    return [f"    {name}:", *(f"      < {line}" for line in said)]


def _of_model(rest: Rest) -> list[str]:
    said = [f"{lane}: {text}" for lane, texts in rest.lanes.items() for text in texts]
    return [*said, *_counts({**rest.queues, **dict.fromkeys(rest.gone)})]


def _of_broker(seen: Seen) -> list[str]:
    said = [f"{lane}: {text}" for lane, texts in by_lane(seen.events).items() for text in texts]
    details = [f"  {e.text} [{e.detail}]" for e in seen.events if e.detail]
    return [*said, *details, *_counts(seen.queues)]


def _counts(queues: Mapping[str, tuple[int, int] | None]) -> Iterable[str]:
    for name, held in sorted(queues.items()):
        if held is None:
            yield f"{name} is not there"
        else:
            yield f"{name} holds {held[0]} ready, {held[1]} consumers"
