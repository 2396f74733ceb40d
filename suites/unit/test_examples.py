from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(
    path for path in (ROOT / "suites/examples").iterdir() if path.name.startswith(("test_", "ci"))
)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_readme_shows_what_runs(path: Path) -> None:
    """Each example stands in the README as it stands in its file."""
    language = "yaml" if path.suffix == ".yml" else "python"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"```{language}\n{path.read_text(encoding='utf-8')}```\n" in readme
