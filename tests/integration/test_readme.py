"""What the README and the guides tell a reader to type, typed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(python|bash)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")
MAKE_TARGETS = re.compile(r"^make ([a-z-]+)$")


def pages():
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def links(page):
    """Files and folders of ours that a page leads to."""
    found = [target for target in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in target]
    return [(page.parent / target).resolve() for target in found]


@pytest.mark.parametrize("page", sorted({*pages(), *ROOT.glob("*.md")}), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    assert [target for target in links(page) if not target.exists()] == []


def test_the_readme_leads_to_every_page():
    shown = links(ROOT / "README.md")
    assert [page for page in pages()[1:] if page not in shown and page.parent not in shown] == []


def blocks(language):
    for page in pages():
        text = page.read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            if match.group(1) == language:
                line = text[: match.start()].count("\n") + 1
                yield pytest.param(match.group(2), id=f"{page.relative_to(ROOT)}:{line}")


@pytest.mark.parametrize("program", list(blocks("python")))
def test_python_example_runs(program, tmp_path):
    finished = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize("script", list(blocks("bash")))
def test_command_example_runs(script, tmp_path):
    """Every line in one folder, in order; ``make`` lines must name a target, which CI runs itself."""
    lines = [line.split("  #")[0].strip() for line in script.splitlines()]
    commands = []
    for line in lines:
        target = MAKE_TARGETS.match(line)
        if target:
            assert re.search(rf"^{target.group(1)}:", (ROOT / "Makefile").read_text(), re.MULTILINE), line
        elif line and not line.startswith(("git clone", "cd ", "pip install")):
            commands.append(line)
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(tmp_path), "COLUMNS": "120"}
    finished = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(commands)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
