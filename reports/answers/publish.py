"""Write the pages of a study, and the index of a folder of them."""

from pathlib import Path

from reports.render import write_page
from reports.render.markdown import escaped

from . import html, markdown, questions, timeline, words
from .model import Study, load


def write(study: Study, folder: Path) -> list[Path]:
    """The Markdown page, its picture, and the HTML page; RecordError where they cannot be."""
    question = questions.named(study.head.question)
    pages = {".md": markdown.render(study), ".html": html.render(study)}
    lanes = timeline.of_study(question, study)
    if lanes:
        pages[".svg"] = timeline.draw(lanes, question.title)
    written = []
    for suffix, page in pages.items():
        path = folder / f"{question.id}{suffix}"
        write_page(path, page)
        written.append(path)
    return written


def write_index(folder: Path) -> Path:
    """README.md of a folder: every question that has a study there, with its first answer."""
    parts = ["# Answers", "What really happens when…: each page is made from an experiment."]
    for question in questions.known().values():
        path = folder / f"{question.id}.jsonl"
        if path.exists():
            study = load(path)
            parts.append(f"## [{escaped(question.title)}]({question.id}.md)")
            for plain, brokers in words.conclusions(question, study):
                who = words.who(study, brokers)
                lead = f"{escaped(who)}: " if who else ""
                parts.append(f"- **{escaped(plain.asked)}** {lead}{escaped(plain.answer)}")
    index = folder / "README.md"
    write_page(index, "\n\n".join(parts) + "\n")
    return index
