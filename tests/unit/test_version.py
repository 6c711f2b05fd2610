"""The version has one home; the build and what is installed repeat it."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

import nanodesk
from nanodesk.version import __version__

ROOT = Path(__file__).resolve().parents[2]


class TestVersion:
    def test_the_package_and_the_build_say_the_same(self):
        program = [sys.executable, ROOT / "tools" / "print_version.py"]
        told = subprocess.run(program, capture_output=True, text=True, check=True).stdout.strip()
        assert (__version__, __version__) == (nanodesk.__version__, told)

    def test_what_is_installed_says_the_same(self):
        try:
            installed = version("nanodesk")
        except PackageNotFoundError:
            pytest.skip("nanodesk is not installed, it runs from the checkout")
        assert __version__ == installed
