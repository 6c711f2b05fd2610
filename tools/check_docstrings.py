"""Compare every public docstring with its signature: each parameter documented, none invented.

A method that overrides a documented one of the package inherits its text.

Usage: python tools/check_docstrings.py; prints every difference and exits 1 if there is one.
"""

import ast
import re
import sys
from pathlib import Path

SRC = Path(__file__).resolve().parent.parent / "src"
SECTION = re.compile(r"^(Parameters|Other Parameters)\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}\n|\Z)", re.MULTILINE | re.DOTALL)
ENTRY = re.compile(r"^(\*{0,2}\w+(?:, *\*{0,2}\w+)*)(?: *:.*)?$", re.MULTILINE)


def documented(docstring: str) -> list[str]:
    names: list[str] = []
    for _, body in SECTION.findall(docstring):
        for entry in ENTRY.findall(body):
            names += [name.strip().lstrip("*") for name in entry.split(",")]
    return names


def signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    arguments = node.args
    positional = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
    extra = [a.arg for a in (arguments.vararg, arguments.kwarg) if a is not None]
    every = positional + [a.arg for a in arguments.kwonlyargs] + extra
    return [name for name in every if name not in ("self", "cls")]


def is_dataclass(node: ast.ClassDef) -> bool:
    return any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list)


def fields_of(node: ast.ClassDef) -> list[str]:
    return [
        item.target.id
        for item in node.body
        if isinstance(item, ast.AnnAssign)
        and isinstance(item.target, ast.Name)
        and not item.target.id.startswith("_")
        and "ClassVar" not in ast.unparse(item.annotation)
    ]


def compare(where: str, name: str, expected: list[str], docstring: str | None) -> list[str]:
    if not docstring:
        return [f"{where}: {name} has no docstring"]
    actual = documented(docstring)
    missing = [argument for argument in expected if argument not in actual]
    invented = [argument for argument in actual if argument not in expected]
    found = [f"{where}: {name} does not document {argument!r}" for argument in missing]
    found += [f"{where}: {name} documents {argument!r}, which is not in its signature" for argument in invented]
    return found


def inherited(classes: dict[str, ast.ClassDef], node: ast.ClassDef, method: str) -> bool:
    """Whether a base class of the package, near or far, documents the method that ``node`` overrides."""
    for base in node.bases:
        parent = classes.get(ast.unparse(base).split("[")[0].split(".")[-1])
        if parent is None or parent is node:
            continue
        for item in parent.body:
            if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)) and item.name == method:
                return bool(ast.get_docstring(item)) or inherited(classes, parent, method)
        if inherited(classes, parent, method):
            return True
    return False


def check_class(where: str, node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> list[str]:
    faults: list[str] = []
    docstring = ast.get_docstring(node)
    methods = [item for item in node.body if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef))]
    init = next((method for method in methods if method.name == "__init__"), None)
    if is_dataclass(node):
        faults += compare(f"{where}:{node.lineno}", node.name, fields_of(node), docstring)
    elif init is not None:
        faults += compare(f"{where}:{node.lineno}", node.name, signature(init), docstring)
    elif not docstring:
        faults.append(f"{where}:{node.lineno}: {node.name} has no docstring")
    for method in methods:
        decorators = {ast.unparse(decorator).split(".")[-1] for decorator in method.decorator_list}
        if method.name.startswith("_") or decorators & {"overload", "setter"}:
            continue
        text = ast.get_docstring(method)
        if (not text or not documented(text)) and inherited(classes, node, method.name):
            continue
        label = f"{node.name}.{method.name}"
        faults += compare(f"{where}:{method.lineno}", label, signature(method), text)
    return faults


def main() -> int:
    faults: list[str] = []
    count = 0
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted((SRC / "nanodesk").rglob("*.py"))}
    classes = {node.name: node for tree in trees.values() for node in tree.body if isinstance(node, ast.ClassDef)}
    for path, tree in trees.items():
        where = path.relative_to(SRC.parent).as_posix()
        if not ast.get_docstring(tree):
            faults.append(f"{where}:1: module has no docstring")
        for node in tree.body:
            if getattr(node, "name", "_").startswith("_"):
                continue
            count += 1
            if isinstance(node, ast.ClassDef):
                faults += check_class(where, node, classes)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                is_kernel = "/kernels/" in where or path.with_suffix(".pxd").exists()  # called by compiled code only
                is_command = "/cli/" in where
                docstring = ast.get_docstring(node)
                if is_kernel or is_command:
                    if not docstring:
                        faults.append(f"{where}:{node.lineno}: {node.name} has no docstring")
                else:
                    faults += compare(f"{where}:{node.lineno}", node.name, signature(node), docstring)
    print("\n".join(faults) or f"{count} public names, every parameter documented")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
