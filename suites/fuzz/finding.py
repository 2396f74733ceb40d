"""What a fuzzed broker did wrong, with the octets that repeat it; and the corpus of them."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from suites.fuzz import octets

CORPUS = Path(__file__).with_name("corpus")
RECORDED = Path(__file__).with_name("recorded")
_TRIES = 2000  # runs that the shrinking of one finding may take


@dataclass(frozen=True, slots=True)
class Finding:
    """`part` names where it was found (see `parts`), `case` the case's seed."""

    part: str
    case: str
    told: str
    writes: list[bytes]

    def keep(self, folder: Path = CORPUS) -> Path:
        """Write it into the corpus; give the path."""
        digest = hashlib.sha256(b"".join(self.writes)).hexdigest()[:8]
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.part}-{digest}.hex"
        octets.write(path, self.told.splitlines()[0], self.writes)
        return path


def part_of(path: Path) -> str:
    """The part in which a finding of the corpus was made."""
    return path.stem.rpartition("-")[0]


def shrink(writes: list[bytes], fails: Callable[[list[bytes]], bool]) -> list[bytes]:
    """Fewer and shorter writes for which `fails` still holds: whole ones go first, then octets."""
    left = _TRIES

    def still(candidate: list[bytes]) -> bool:
        nonlocal left
        left -= 1
        return left > 0 and fails(candidate)

    size = len(writes)
    while size >= 1:
        writes = _without(writes, size, still)
        size //= 2
    for index in range(len(writes)):
        size = len(writes[index])
        while size >= 1:
            writes = _shortened(writes, index, size, still)
            size //= 2
    return [data for data in writes if data]


def _without(writes: list[bytes], size: int, still: Callable[[list[bytes]], bool]) -> list[bytes]:
    start = 0
    while start < len(writes):
        fewer = writes[:start] + writes[start + size :]
        if still(fewer):
            writes = fewer
        else:
            start += size
    return writes


def _shortened(
    writes: list[bytes], index: int, size: int, still: Callable[[list[bytes]], bool]
) -> list[bytes]:
    start = 0
    while start < len(writes[index]):
        data = writes[index]
        shorter = data[:start] + data[start + size :]
        fewer = [*writes[:index], shorter, *writes[index + 1 :]]
        if still(fewer):
            writes = fewer
        else:
            start += size
    return writes
