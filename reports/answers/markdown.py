"""An answer as one page of GitHub-flavoured Markdown, its picture a file beside it."""

from collections.abc import Mapping

from reports.render.markdown import code, escaped

from . import words
from .model import Study
from .question import SIGNS, Question
from .questions import named


def render(study: Study) -> str:
    """Answers first, then the table, the picture, the differences, and how to repeat it."""
    question = named(study.head.question)
    parts = [f"# {escaped(question.title)}", *_answers(question, study)]
    if question.pictured:
        parts.append(f"![{escaped(question.caption)}]({question.id}.svg)")
        parts.append(f"*{escaped(question.caption)}*")
    parts += ["## What was seen", _legend(question)]
    for variant, meaning in question.variants.items():
        parts += [f"### {escaped(meaning)}"] if meaning else []
        parts.append(_table(question, study, variant))
    parts.append(_meanings("Rows", question.rows))
    parts.append(_meanings("Columns", question.columns))
    differences = words.difference_lines(study)
    if differences:
        lines = "\n".join(f"- {escaped(line)}" for line in differences)
        parts += ["## Where the brokers differ", lines]
    parts += ["## How it was measured", escaped(question.method)]
    parts.append("\n".join(f"- {name}: {code(value)}" for name, value in words.facts(study)))
    parts.append(
        f"Every cell's timeline and wire transcript: [{question.id}.html]({question.id}.html)."
    )
    return "\n\n".join(parts) + "\n"


def _answers(question: Question, study: Study) -> list[str]:
    parts: list[str] = []
    asked = ""
    for plain, brokers in words.conclusions(question, study):
        if plain.asked != asked:
            parts.append(f"**{escaped(plain.asked)}**")
            asked = plain.asked
        who = words.who(study, brokers)
        parts.append(f"{escaped(who)}: {escaped(plain.answer)}" if who else escaped(plain.answer))
    return parts


def _legend(question: Question) -> str:
    signs = [f"{SIGNS[tone]} {escaped(meaning)}" for tone, meaning in question.legend.items()]
    return f"Signs: {', '.join(signs)}."


def _table(question: Question, study: Study, variant: str) -> str:
    heads = ["", *map(escaped, question.columns)]
    lines = ["| " + " | ".join(heads) + " |", "|:--" * len(heads) + "|"]
    for row in question.rows:
        cells = [_cell(question, study, (row, variant, column)) for column in question.columns]
        lines.append("| " + " | ".join([f"**{escaped(row)}**", *cells]) + " |")
    return "\n".join(lines)


def _cell(question: Question, study: Study, place: tuple[str, str, str]) -> str:
    told = []
    for entry in words.entries(question, study, place):
        first, *rest = [escaped(line) for line in entry.text.split("\n")]
        lines = [f"{entry.sign} {first}", *rest, *map(escaped, words.timed(study, entry))]
        if words.who(study, entry.brokers) and len(study.head.brokers) > 1:
            lines.insert(0, f"*{escaped(', '.join(entry.brokers))}*")
        told.append("<br>".join(lines))
    return "<br>".join(told)


def _meanings(title: str, meanings: Mapping[str, str]) -> str:
    return f"{title}:\n\n" + "\n".join(
        f"- **{escaped(n)}**: {escaped(m)}" for n, m in meanings.items()
    )
