"""What both pages of the claims say."""

from collections.abc import Iterator

from reports.render import words

from .model import CLAIMANT, PAGE, Claims, Measure, Row

TITLE = f"What {CLAIMANT} claims of AMQP 0-9-1, and what was measured"
INTRODUCTION = (
    f"{CLAIMANT} publishes, rule by rule, what it keeps of the specification ({PAGE}): ok and does "
    "say that it does; doesn't, planned and failing that it does not. Beside each claim stands "
    "what the broker did on the wire. Kept means that every test which bears the rule passed; kept "
    "in part, that some did not; open, that the specification allows more than one answer."
)
UNCLAIMED = "—"
YES, NO, SILENT = "✓", "✗", ""


def visible(text: str) -> str:
    """The text with what cannot be seen made visible."""
    return words.visible(text)


def summary(claims: Claims) -> list[str]:
    """A sentence for each record of the product that made the claims."""
    return [
        f"{claims.names[index]}: of {_claimed(claims)} claims {len(claims.agreeing(index))} agree "
        f"with what was measured, {len(claims.differing(index))} do not; the others cannot be "
        "compared."
        for index in claims.claimants
    ]


def _claimed(claims: Claims) -> int:
    return sum(bool(row.rule.claim) for row in claims.rows)


def mark(claims: Claims, row: Row) -> str:
    """Whether claim and measure agree on every record of the claimant's."""
    said = {row.agrees(index) for index in claims.claimants} - {None}
    if not said:
        return SILENT
    return NO if False in said else YES


COVERAGE = "Which rules of AMQP 0-9-1 are decided on the wire"


def coverage(claims: Claims) -> str:
    """How many rules are decided, cannot be, and are left, in one sentence."""
    decided = sum(decisions(row) > 0 for row in claims.rows)
    excused = sum(decisions(row) == 0 and row.rule.undecided is not None for row in claims.rows)
    return (
        f"Of {len(claims.rows)} rules of the specification and its extensions {decided} are decided"
        f" by cases of these runs, {excused} cannot be decided by a test of a broker, each for the"
        f" reason beside it, and {len(claims.rows) - decided - excused} are left."
    )


def decisions(row: Row) -> int:
    """How many cases bear the rule, in the run that has most of them."""
    return max((measure.borne for measure in row.measures), default=0)


def differing(claims: Claims) -> list[Row]:
    """Rules on which a record of the claimant's belies it."""
    return [row for row in claims.rows if mark(claims, row) == NO]


def told(row: Row, measure: Measure) -> str:
    """What was measured, or why nothing can be."""
    if not measure.cases and row.rule.undecided is not None:
        return row.rule.undecided.kind
    return measure.told


def evidence(measure: Measure) -> Iterator[str]:
    """Each case in which the rule was not kept: requirement, what was expected, what came."""
    for case in measure.broken:
        ids = ", ".join(case.requirements)
        yield f"{ids}: expected {case.expected}, got {case.actual}"


def groups(claims: Claims) -> dict[str, list[Row]]:
    """The rules by class, in the order of the files."""
    found: dict[str, list[Row]] = {}
    for row in claims.rows:
        found.setdefault(row.rule.group, []).append(row)
    return found


def facts(claims: Claims) -> list[tuple[str, str]]:
    """For each record who was measured, when, and how to repeat it."""
    pairs = []
    for name, record in zip(claims.names, claims.records, strict=True):
        pairs.append((name, words.moment(record.header.started)))
        pairs.append(("Repeat with", record.header.repeat))
    return pairs
