"""What nanodesk brings with it: a lock with hashes, licences, a bill of materials, known vulnerabilities.

Usage: python tools/audit_dependencies.py lock | licences | sbom FILE | vulnerabilities

``lock`` writes requirements.lock from what pip finds for ``nanodesk[all]`` within constraints.txt, on this platform.
``licences`` looks at what is installed and needs no network. ``sbom`` writes CycloneDX 1.6 from both. A query for
vulnerabilities that cannot be made says *skipped*: silence of a service that was not asked proves nothing.
"""

import json
import platform
import re
import runpy
import subprocess
import sys
import tempfile
import tomllib
import urllib.request
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
CONSTRAINTS = ROOT / "constraints.txt"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
VERSION = runpy.run_path(str(ROOT / "src" / "nanodesk" / "version.py"))["__version__"]
BUILD_TOOLS = (*PROJECT["build-system"]["requires"], "ninja")
"""Locked too, so that building the package itself fetches nothing."""

ALLOWED = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "LLVM-exception", "MIT", "MPL-2.0"),
    *("NCSA", "PSF-2.0", "Zlib"),
}
"""SPDX names that an MIT package may bring along; MPL-2.0 binds only changes of its own files."""
WORDS = {
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "BSD 3-Clause License": "BSD-3-Clause",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Python Software Foundation License": "PSF-2.0",
}
"""How packages without an SPDX expression say it; BSD without a number is taken as the stricter one."""
READ_BY_HAND = {"ta-lib": "BSD-2-Clause"}
"""Licences of packages whose metadata says nothing, from their LICENSE file."""

VULNERABILITIES = "https://api.osv.dev/v1/querybatch"
NETWORK_WAIT_S = 10
_LOCKED = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>\S+) --hash=sha256:(?P<sha256>[0-9a-f]{64})$", re.MULTILINE)


def wanted() -> list[str]:
    """Requirements of ``nanodesk[all]``, extras of extras resolved."""
    extras = PROJECT["project"]["optional-dependencies"]
    found, left = list(PROJECT["project"]["dependencies"]), list(extras["all"])
    while left:
        requirement = Requirement(left.pop(0))
        if requirement.name == PROJECT["project"]["name"]:
            left += [line for extra in sorted(requirement.extras) for line in extras[extra]]
        else:
            found.append(str(requirement))
    return found


def locked() -> dict[str, tuple[str, str]]:
    """Version and SHA-256 by name, as the lock has them."""
    rows = _LOCKED.finditer(LOCK.read_text(encoding="utf-8"))
    return {canonicalize_name(row["name"]): (row["version"], row["sha256"]) for row in rows}


def installed() -> dict[str, str]:
    """Licence by name of everything installed that ``nanodesk[all]`` leads to; "" where none can be told."""
    seen: set[tuple[str, str]] = set()
    left = [pair for line in wanted() for pair in _with_extras(Requirement(line))]
    while left:
        name, extra = pair = left.pop()
        if pair in seen:
            continue
        try:
            lines = distribution(name).requires or ()
        except PackageNotFoundError:
            continue  # of another platform, or not asked for
        seen.add(pair)
        for requirement in map(Requirement, lines):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                left += _with_extras(requirement)
    return {name: licence_of(name) for name, _ in seen}


def _with_extras(requirement: Requirement) -> list[tuple[str, str]]:
    return [(canonicalize_name(requirement.name), extra) for extra in ("", *requirement.extras)]


def licence_of(name: str) -> str:
    """SPDX expression of an installed package, or its own words, or "" where it has none."""
    facts = distribution(name).metadata
    if expression := facts.get("License-Expression"):
        return str(expression)
    stated = (facts.get("License") or "").strip()
    classes = [
        line.rpartition(" :: ")[2] for line in facts.get_all("Classifier") or () if line.startswith("License ::")
    ]
    for words in (stated, *classes):
        if (known := WORDS.get(words, words)) in ALLOWED:
            return known
    return READ_BY_HAND.get(name) or ", ".join(classes) or stated.partition("\n")[0]


def is_allowed(licence: str) -> bool:
    """Whether every licence that an expression names is on the list."""
    names = set(re.split(r"[\s()]+|\bAND\b|\bOR\b|\bWITH\b", licence)) - {""}
    return bool(names) and names <= ALLOWED


def write_lock() -> int:
    """Ask pip, and write what it would install."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--dry-run"]
        command += ["--ignore-installed", "--only-binary", ":all:", "--constraint", str(CONSTRAINTS)]
        subprocess.run([*command, "--report", str(report), *wanted(), *BUILD_TOOLS], check=True)
        rows = json.loads(report.read_text(encoding="utf-8"))["install"]
    lines = [
        f"{canonicalize_name(row['metadata']['name'])}=={row['metadata']['version']}"
        f" --hash=sha256:{row['download_info']['archive_info']['hashes']['sha256']}"
        for row in rows
    ]
    head = f"# nanodesk[all] and what builds it, for {platform_name()}. Written by `make lock`; do not edit."
    LOCK.write_text("\n".join([head, *sorted(lines), ""]), encoding="utf-8")
    print(f"requirements.lock: {len(lines)} packages")
    return 0


def platform_name() -> str:
    """As ``CPython 3.11 on Linux x86_64``."""
    version = ".".join(platform.python_version_tuple()[:2])
    return f"{platform.python_implementation()} {version} on {platform.system()} {platform.machine()}"


def check_licences() -> int:
    """Print every package whose licence is not allowed."""
    licences = installed()
    wrong = {name: licence for name, licence in licences.items() if not is_allowed(licence)}
    for name, licence in sorted(wrong.items()):
        print(f"{name}: licence {licence or 'not stated'} is not on the list of tools/audit_dependencies.py")
    print(f"licences: {len(licences)} packages, {len(wrong)} not allowed")
    return 1 if wrong else 0


def bill_of_materials() -> dict[str, object]:
    """The lock with licences, as CycloneDX has it; the same bytes for the same lock."""
    licences = installed()  # without what only builds
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": _component(PROJECT["project"]["name"], VERSION, "MIT")},
        "components": [
            {
                **_component(name, version, licences.get(name, "")),
                "scope": "required" if name in licences else "excluded",
                "hashes": [{"alg": "SHA-256", "content": sha256}],
            }
            for name, (version, sha256) in sorted(locked().items())
        ],
    }


def _component(name: str, version: str, licence: str) -> dict[str, object]:
    url = f"pkg:pypi/{name}@{version}"
    row = {"type": "library", "bom-ref": url, "name": name, "version": version, "purl": url}
    return row | ({"licenses": [{"expression": licence}]} if is_allowed(licence) else {})


def write_sbom(path: str) -> int:
    """Write the bill of materials."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(json.dumps(bill_of_materials(), indent=1) + "\n", encoding="utf-8")
    print(f"{path}: {len(locked())} packages")
    return 0


def check_vulnerabilities() -> int:
    """Ask the open database of vulnerabilities for every locked version."""
    rows = locked()
    queries = [{"package": {"name": n, "ecosystem": "PyPI"}, "version": v} for n, (v, _) in rows.items()]
    request = urllib.request.Request(VULNERABILITIES, json.dumps({"queries": queries}).encode())
    try:
        with urllib.request.urlopen(request, timeout=NETWORK_WAIT_S) as answer:  # noqa: S310
            results = json.load(answer)["results"]
        found = {
            name: [one["id"] for one in result.get("vulns", ())] for name, result in zip(rows, results, strict=True)
        }
    except (OSError, ValueError, KeyError) as error:
        print(f"vulnerabilities: SKIPPED, nothing is known: no answer of the database ({type(error).__name__})")
        return 0
    for name, ids in found.items():
        if ids:
            print(f"{name}=={rows[name][0]}: {', '.join(ids)}")
    print(f"vulnerabilities: {len(rows)} packages asked for, {sum(map(bool, found.values()))} with known ones")
    return 1 if any(found.values()) else 0


def main(arguments: list[str]) -> int:
    """Run one of the four."""
    commands = {"lock": write_lock, "licences": check_licences, "vulnerabilities": check_vulnerabilities}
    if len(arguments) == 2 and arguments[0] == "sbom":
        return write_sbom(arguments[1])
    if len(arguments) == 1 and arguments[0] in commands:
        return commands[arguments[0]]()
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
