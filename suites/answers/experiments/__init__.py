"""The experiments, one module for each question."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from suites.answers.experiment import Experiment


@cache
def known() -> Mapping[str, Experiment]:
    """Every experiment by the id of its question, in the order of the questions."""
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    found: list[Experiment] = [
        importlib.import_module(f"{__name__}.{name}").EXPERIMENT for name in names
    ]
    found.sort(key=lambda experiment: (experiment.question.order, experiment.question.id))
    return {experiment.question.id: experiment for experiment in found}
