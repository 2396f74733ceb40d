"""What both forms of a page say in the same words."""

from dataclasses import dataclass

from reports.render import words

from .compare import Difference, differences
from .model import Cell, Study
from .question import SIGNS, Plain, Question, Tone


@dataclass(frozen=True, slots=True)
class Entry:
    """One statement in a place of the table: of `brokers`, who share it; `times` by broker."""

    brokers: tuple[str, ...]
    tone: Tone
    text: str
    times: dict[str, str]

    @property
    def sign(self) -> str:
        """The tone without colour."""
        return SIGNS[self.tone]


def entries(question: Question, study: Study, place: tuple[str, str, str]) -> list[Entry]:
    """What is told in one place: once for all brokers that have the same facts."""
    groups: dict[tuple[str, Tone], dict[str, str]] = {}
    for broker, cell in study.of(place).items():
        text, tone = _told(question, cell)
        times = "" if cell.trouble else question.timed(cell, study.head.parameters)
        groups.setdefault((text, tone), {})[broker] = times
    return [
        Entry(tuple(times), tone, text, {b: t for b, t in times.items() if t})
        for (text, tone), times in groups.items()
    ]


def conclusions(question: Question, study: Study) -> list[tuple[Plain, tuple[str, ...]]]:
    """Each answer, and the brokers it holds for: all of them at once where they agree."""
    found: dict[Plain, tuple[str, ...]] = {}
    for broker in study.head.brokers:
        for plain in question.conclude(study, broker.spec):
            found[plain] = (*found.get(plain, ()), broker.spec)
    order = list(dict.fromkeys(plain.asked for plain in found))
    return sorted(found.items(), key=lambda item: order.index(item[0].asked))


def who(study: Study, brokers: tuple[str, ...]) -> str:
    """The brokers by name; empty when it is all that were asked."""
    if len(brokers) == len(study.head.brokers) > 1:
        return ""
    return ", ".join(study.names[broker] for broker in brokers)


def timed(study: Study, entry: Entry) -> list[str]:
    """The times of an entry, each with its broker where several were asked."""
    if len(study.head.brokers) == 1:
        return list(entry.times.values())
    return [f"{broker}: {times}" for broker, times in entry.times.items()]


def difference_lines(study: Study) -> list[str]:
    """Every difference, those that are alike in one line; one line that says so without any."""
    if len(study.head.brokers) == 1:
        return []
    places: dict[str, list[str]] = {}
    for found in differences(study):
        row, variant, column = found.place
        place = ", ".join(part for part in (row, variant, column) if part)
        places.setdefault(_difference(study, found), []).append(place)
    lines = [f"{told} In: {'; '.join(where)}." for told, where in places.items()]
    return lines or ["Nowhere: in every cell the brokers agree in every fact."]


def _difference(study: Study, found: Difference) -> str:
    seen = ", ".join(f"{value} on {study.names[broker]}" for broker, value in found.seen.items())
    why = found.explanation
    told = f"{why.why} ({why.link})." if why else "Not explained: one of them has a bug."
    return f"{found.fact}: {seen}. {told}"


def facts(study: Study) -> list[tuple[str, str]]:
    """What ran, where, how."""
    head = study.head
    parameters = ", ".join(f"{name} {value:g}" for name, value in head.parameters.items())
    return [
        ("Brokers", "; ".join(study.names.values())),
        ("Started", f"{head.started:%Y-%m-%d %H:%M:%S} UTC"),
        ("Seed", str(head.seed)),
        ("Parameters", parameters or "none"),
        ("Platform", head.platform),
        ("Python", head.python),
        ("mqproof", head.project),
        ("Repeat with", head.repeat),
    ]


def visible(text: str) -> str:
    """Made safe to look at."""
    return words.visible(text)


def _told(question: Question, cell: Cell) -> tuple[str, Tone]:
    if cell.trouble is not None:
        return cell.trouble, Tone.NONE
    return question.told(cell), question.tone(cell)
