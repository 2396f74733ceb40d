"""The questions, one module each."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from reports.answers.question import Question
from reports.model import RecordError


@cache
def known() -> Mapping[str, Question]:
    """Every question by its id; the first is the one that is asked most."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    found = [importlib.import_module(f"{__name__}.{name}").QUESTION for name in names]
    return {question.id: question for question in sorted(found, key=lambda q: (q.order, q.id))}


def named(identifier: str) -> Question:
    """The question with this id; RecordError names those that there are."""
    question = known().get(identifier)
    if question is None:
        raise RecordError(f"no question is named {identifier!r}; there are: {', '.join(known())}")
    return question
