"""The manifest of docs/manifest.md is complete, sound, and runs."""

import datetime
import re
import tomllib
from pathlib import Path

from nanodesk.research.manifest import parse_manifest
from nanodesk.research.manifest_sections import Section
from nanodesk.research.run import run_manifest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "manifest.md"
TEXT = re.search(r"^```toml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL).group(1)
LEFT_OUT = {"fundamentals", "names", "adv_participation", "impact", "ic_window"}


def keys(section: Section, given: dict) -> set[str]:
    """Keys of the model that the example does not show."""
    missing = set()
    for name, info in type(section).model_fields.items():
        shown = info.alias or name
        if shown not in given:
            missing.add(shown)
        elif isinstance(given[shown], dict) and isinstance(getattr(section, name), Section):
            missing |= keys(getattr(section, name), given[shown])
    return missing


def test_every_key_is_shown():
    assert keys(parse_manifest(TEXT), tomllib.loads(TEXT)) == LEFT_OUT


def test_it_runs():
    manifest = parse_manifest(TEXT, settings={"data.end": datetime.date(1994, 12, 30)})
    assert run_manifest(manifest, base_dir=".").target.weights
