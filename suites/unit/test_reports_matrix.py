"""What several records say of the same requirements."""

import msgspec
import pytest

from reports import matrix
from reports.model import Level, Requirement, Verdict
from suites.unit.test_reports import case
from suites.unit.test_reports_render import whole


def test_rows_are_the_requirements_of_all_records() -> None:
    """Each is there once, by area and id, with None where a record does not decide it."""
    first = whole(case(requirements=("b",)), case(requirements=("a",)))
    second = whole(case(Verdict.FAIL, requirements=("b",)), code=1)
    table = matrix.compare([first, second])
    assert [row.requirement.id for row in table.rows] == ["a", "b"]
    found = [[cell and cell.verdict for cell in row.cells] for row in table.rows]
    assert found == [[Verdict.PASS, None], [Verdict.PASS, Verdict.FAIL]]
    assert [row.differs for row in table.rows] == [False, True]
    assert matrix.passing(table.rows, 0) == (2, 2)
    assert matrix.passing(table.rows, 1) == (0, 1)


@pytest.mark.parametrize("turned", [False, True], ids=["told first", "told last"])
def test_a_further_requirement_keeps_its_own_words(turned: bool) -> None:
    """What a case says of its first requirement is not taken for what its others say."""
    other = Requirement(id="b", area="other", level=Level.MAY, summary="Its own")
    with_it = msgspec.structs.replace(case(requirements=("a", "b")), also=[other])
    alone = case(requirements=("a",), level=Level.SHOULD)
    cases = [with_it, alone][:: -1 if turned else 1]
    found = {row.requirement.id: row.requirement for row in matrix.compare([whole(*cases)]).rows}
    assert found["b"] == other
    assert found["a"].level is Level.SHOULD  # the other case's level may be that of b


def test_a_case_without_requirement_has_a_row_of_its_own() -> None:
    """Nothing that was judged is missing from the matrix."""
    bare = case(requirements=())
    assert [row.requirement.id for row in matrix.compare([whole(bare)]).rows] == [bare.test]


@pytest.mark.parametrize("verdict", [v for v in Verdict if v is not Verdict.PASS])
def test_the_gravest_verdict_stands_for_all(verdict: Verdict) -> None:
    """One case that is not a pass outweighs those that are."""
    table = matrix.compare([whole(case(), case(verdict), case())])
    (cell,) = table.rows[0].cells
    assert cell is not None
    assert (cell.verdict, cell.ratio) == (verdict, "1/3")
