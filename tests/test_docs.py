"""Generated pages are those of the code, and what the README names exists."""

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def docs() -> dict[str, Any]:
    """What makes the pages."""
    return runpy.run_path(str(ROOT / "scripts" / "docs.py"))


@pytest.mark.parametrize("page", ["tables", "options", "recipes"])
def test_generated_page_is_current(docs: dict[str, Any], page: str) -> None:
    assert (ROOT / "docs" / f"{page}.md").read_text() == docs[page](), "run scripts/docs.py"


def test_the_readme_lists_every_recipe(docs: dict[str, Any]) -> None:
    text = (ROOT / "README.md").read_text()
    assert text == docs["readme"](text), "run scripts/docs.py"
    assert all(f"\n| {name} | " in text for name in docs["RECIPES"])


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/reading.md"])
def test_links_lead_somewhere(page: str) -> None:
    path = ROOT / page
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_commands_of_the_makefile_exist(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"^ +make ([a-z-]+)", (ROOT / page).read_text(), re.MULTILINE)) <= targets
