"""Prove the layers: imports go down only, by full path, without circles; and the known absences hold.

Usage: python tools/check_layers.py; prints every breach and exits 1 if there is one.
"""

import ast
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

SRC = Path(__file__).resolve().parent.parent / "src"

LAYERS = (
    "cli",
    "compat",
    "ops",
    "research",
    "training",
    "live",
    "backtest",
    "strategies",
    "rebalance",
    "oms",
    "venues",
    "portfolio",
    "features",
    "risk",
    "brokers",
    "book",
    "feeds",
    "metrics",
    "allocation",
    "indicators",
    "volatility",
    "models",
    "market",
    "toml_files",
    "atomic_file",
    "errors",
    "version",
)
"""Top first. The face (``nanodesk/__init__.py``) stands above all of them."""

READS_ENVIRONMENT = ("cli",)
"""Rooms that may touch ``os.environ``."""


def module_name(path: Path) -> str:
    parts = path.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_names(tree: ast.AST) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                found.append((node.lineno, "." * node.level + (node.module or "")))
            elif node.module:
                found += [(node.lineno, f"{node.module}:{alias.name}") for alias in node.names]
    return found


def resolve(name: str, modules: set[str]) -> str:
    """The module that ``package:attribute`` or ``package.module`` names."""
    package, _, attribute = name.partition(":")
    return f"{package}.{attribute}" if f"{package}.{attribute}" in modules else package


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def main() -> int:
    files = {module_name(path): path for path in sorted((SRC / "nanodesk").rglob("*.py"))}
    packages = {name for name, path in files.items() if path.name == "__init__.py"}
    breaches: list[str] = []
    graph: dict[str, set[str]] = {name: set() for name in files}
    for name, path in files.items():
        text = path.read_text(encoding="utf-8")
        where = path.relative_to(SRC.parent).as_posix()
        tree = ast.parse(text)
        if room(name) not in (*LAYERS, ""):
            breaches.append(f"{where}: room {room(name)!r} is not in the list of layers")
            continue
        for line, imported in imported_names(tree):
            if imported.startswith("."):
                breaches.append(f"{where}:{line}: relative import {imported}; use the full path")
            if imported.split(".")[0].split(":")[0] != "nanodesk":
                if "/kernels/" in where and imported.split(".")[0].split(":")[0] not in ("cython", "__future__"):
                    breaches.append(f"{where}:{line}: a kernel knows nothing but numbers, not {imported}")
                continue
            target = resolve(imported, set(files))
            if target == "nanodesk" and ":" in imported:
                breaches.append(f"{where}:{line}: imports through the face: {imported.replace(':', '.')}")
            if target in packages and target != "nanodesk" and name not in packages:
                breaches.append(f"{where}:{line}: imports through the package {target}; name the file")
            if name != "nanodesk" and target != "nanodesk" and LAYERS.index(room(target)) < LAYERS.index(room(name)):
                breaches.append(f"{where}:{line}: {room(name)} may not import {room(target)}, which stands above it")
            if target != name and name != "nanodesk" and target != "nanodesk":
                graph[name].add(target)
        uses = [
            node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
        ]
        if uses and room(name) not in READS_ENVIRONMENT:
            breaches.append(f"{where}:{uses[0].lineno}: reads the environment; only {', '.join(READS_ENVIRONMENT)} may")
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        breaches.append("import circle: " + " -> ".join(error.args[1]))
        order = []
    print(
        "\n".join(breaches) or f"{len(order)} modules, {sum(map(len, graph.values()))} imports, none upward, no circle"
    )
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
