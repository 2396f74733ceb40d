"""Let Python load one module of the broker with a bug in it."""

import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import TYPE_CHECKING

from suites.mutants import Mutant, MutantError

if TYPE_CHECKING:
    from collections.abc import Sequence


class _Loader(SourceFileLoader):
    """Compiles changed source, and neither reads nor leaves a cache of it."""

    def __init__(self, name: str, path: str, mutant: Mutant) -> None:
        super().__init__(name, path)
        self._mutant = mutant

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        source = self._mutant.apply(self.get_data(path).decode())
        code: CodeType = compile(source, path, "exec", dont_inherit=True)
        return code


class _Finder(MetaPathFinder):
    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(
        self, fullname: str, path: "Sequence[str] | None", target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._mutant.module_name:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin is None:
            return None
        spec.loader = _Loader(fullname, spec.origin, self._mutant)
        return spec


def install(mutant: Mutant) -> None:
    """From now on the module is loaded with the bug. Raises MutantError if it is loaded already."""
    if mutant.module_name in sys.modules:
        raise MutantError(f"{mutant.module_name} is loaded already: the mutant would be sound")
    sys.meta_path.insert(0, _Finder(mutant))
