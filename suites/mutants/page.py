"""What became of the mutants, as one page of Markdown."""

from collections import Counter
from collections.abc import Sequence

from reports.render.markdown import code, escaped
from suites.mutants.trial import Fate, Trial

SIGNS = {Fate.KILLED: "✗", Fate.SURVIVED: "!", Fate.UNDECIDED: "?"}
SHOWN = 4  # killers named in a row

_LEAD = (
    "Each is the reference broker with one seeded bug (`suites/mutants/*.toml`). The tests of the"
    " requirements at stake must fail on it; a mutant that survives shows a test that cannot fail."
)


def summary(trials: Sequence[Trial]) -> str:
    """One line."""
    counted = Counter(trial.fate for trial in trials)
    told = ", ".join(f"{counted[fate]} {fate}" for fate in Fate)
    return f"{len(trials)} mutants: {told}"


def render(trials: Sequence[Trial], repeat: str) -> str:
    """The survivors first, then each mutant with the tests that killed it."""
    parts = [
        "# Mutants",
        _LEAD,
        f"**{summary(trials)}.** Repeat with {code(repeat)}.",
    ]
    missed = [trial for trial in trials if trial.fate is not Fate.KILLED]
    if missed:
        parts.append("## Not killed\n\n" + "\n".join(map(_missed, missed)))
    for area in dict.fromkeys(trial.mutant.area for trial in trials):
        mine = [trial for trial in trials if trial.mutant.area == area]
        parts.append(f"## {escaped(area.capitalize())}: {summary(mine)}")
        parts.append("\n".join(_table(mine)))
    return "\n\n".join(parts) + "\n"


def _missed(trial: Trial) -> str:
    return (
        f"- {code(trial.mutant.id)} ({trial.fate}): {escaped(trial.reason or 'all tests passed')}"
    )


def _table(trials: Sequence[Trial]) -> list[str]:
    lines = ["| | mutant | bug | killed by |", "|:--|:--|:--|:--|"]
    for trial in trials:
        names = [test.rpartition("/")[2] for test in trial.killers]
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        told = ", ".join(map(code, names[:SHOWN])) + more
        bug = escaped(trial.mutant.summary)
        lines.append(
            f"| {SIGNS[trial.fate]} | {code(trial.mutant.id)} | {bug} | {told or 'nothing'} |"
        )
    return lines
