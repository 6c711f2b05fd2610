"""The guards themselves: each catches the fault it is there for."""

import importlib.util
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"


def load(name, monkeypatch, root):
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "SRC", root / "src")
    return module


@pytest.fixture
def tree(tmp_path):
    def write(**files):
        for name, text in {"__init__": '"""Face."""', **files}.items():
            path = tmp_path / "src" / "nanodesk" / f"{name.replace('__dot__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


class TestCheckLayers:
    @pytest.mark.parametrize(
        ("files", "message"),
        [
            ({"market__dot__a": "from nanodesk.metrics import b", "metrics__dot__b": ""}, "stands above it"),
            ({"market__dot__a": "import nanodesk.market.b", "market__dot__b": "import nanodesk.market.a"}, "circle"),
            ({"market__dot__a": "from . import b", "market__dot__b": ""}, "relative import"),
            ({"market__dot__a": "import os\nos.environ['X']"}, "reads the environment"),
            ({"helpers__dot__a": ""}, "not in the list of layers"),
            ({"backtest__dot__kernels__dot__k": "import numpy"}, "a kernel knows nothing but numbers"),
        ],
    )
    def test_breach_is_reported(self, tree, monkeypatch, capsys, files, message):
        module = load("check_layers", monkeypatch, tree(**files))
        assert module.main() == 1
        assert message in capsys.readouterr().out

    def test_downward_imports_pass(self, tree, monkeypatch):
        root = tree(metrics__dot__b="from nanodesk.market.a import x", market__dot__a="x = 1")
        assert load("check_layers", monkeypatch, root).main() == 0


class TestCheckDocstrings:
    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ("def f(x):\n    return x", "has no docstring"),
            (
                'def f(x, y):\n    """Do.\n\n    Parameters\n    ----------\n    x : int\n    """',
                "does not document 'y'",
            ),
            (
                'def f():\n    """Do.\n\n    Parameters\n    ----------\n    x : int\n    """',
                "documents 'x', which is not",
            ),
        ],
    )
    def test_difference_is_reported(self, tree, monkeypatch, capsys, body, message):
        root = tree(market__dot__a=f'"""Module."""\n{body}\n')
        assert load("check_docstrings", monkeypatch, root).main() == 1
        assert message in capsys.readouterr().out
