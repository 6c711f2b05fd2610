"""The lock is whole and agrees with what the project asks for; a licence that is not allowed is named."""

import importlib.util
import json
import urllib.error
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
_SPEC = importlib.util.spec_from_file_location("audit_dependencies", ROOT / "tools" / "audit_dependencies.py")
audit = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(audit)


class TestLock:
    def test_every_line_is_a_version_with_its_hash_and_names_no_place(self):
        lines = audit.LOCK.read_text().splitlines()[1:]
        assert len(lines) == len(audit.locked())
        assert not any("://" in line or "file:" in line for line in lines)
        assert lines == sorted(lines)

    def test_it_holds_what_the_project_and_the_constraints_ask_for(self):
        constraints = [line for line in audit.CONSTRAINTS.read_text().splitlines() if line and line[0] != "#"]
        versions = {name: version for name, (version, _) in audit.locked().items()}
        for line in (*audit.wanted(), *audit.BUILD_TOOLS):
            requirement = Requirement(line)
            assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), line
        for requirement in map(Requirement, constraints):
            version = versions.get(canonicalize_name(requirement.name))
            assert version is None or requirement.specifier.contains(version), requirement

    def test_it_holds_everything_that_is_installed_with_the_package(self):
        pytest.importorskip("ib_async")
        assert audit.installed().keys() <= audit.locked().keys()


class TestLicences:
    def test_what_is_installed_is_allowed(self, capsys):
        assert audit.check_licences() == 0, capsys.readouterr().out

    @pytest.mark.parametrize(
        ("licence", "allowed"),
        [
            ("MIT", True), ("Apache-2.0 OR BSD-3-Clause", True), ("MPL-2.0 AND (Apache-2.0 OR MIT)", True),
            ("BSD-2-Clause AND Apache-2.0 WITH LLVM-exception", True), ("GPL-3.0-only", False), ("", False),
            ("MIT AND AGPL-3.0-or-later", False), ("Other/Proprietary License", False),
        ],
    )  # fmt: skip
    def test_every_licence_of_an_expression_must_be_on_the_list(self, licence, allowed):
        assert audit.is_allowed(licence) is allowed

    def test_one_that_is_not_allowed_fails_with_its_name(self, monkeypatch, capsys):
        monkeypatch.setattr(audit, "installed", lambda: {"good": "MIT", "bad": "GPL-3.0-only", "mute": ""})
        assert audit.check_licences() == 1
        out = capsys.readouterr().out
        assert "bad: licence GPL-3.0-only" in out
        assert "mute: licence not stated" in out
        assert "good" not in out


class TestBillOfMaterials:
    def test_it_names_every_package_with_hash_and_address(self, tmp_path):
        assert audit.write_sbom(str(tmp_path / "new" / "sbom.json")) == 0
        bill = json.loads((tmp_path / "new" / "sbom.json").read_text())
        assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
        assert len({row["bom-ref"] for row in bill["components"]}) == len(audit.locked())
        numpy = next(row for row in bill["components"] if row["name"] == "numpy")
        assert numpy["purl"] == f"pkg:pypi/numpy@{numpy['version']}"
        assert numpy["hashes"][0]["content"] == audit.locked()["numpy"][1]
        assert "BSD-3-Clause" in numpy["licenses"][0]["expression"]


class TestVulnerabilities:
    def answering(self, monkeypatch, answer):
        class Answer:
            def __enter__(self):
                return self

            def __exit__(self, *_):
                pass

            def read(self):
                return json.dumps(answer).encode()

        def asked(request, timeout):
            if answer is None:
                raise urllib.error.URLError("no network")
            return Answer()

        monkeypatch.setattr(audit.urllib.request, "urlopen", asked)

    def test_no_network_is_told_and_proves_nothing(self, monkeypatch, capsys):
        self.answering(monkeypatch, None)
        assert audit.check_vulnerabilities() == 0
        out = capsys.readouterr().out
        assert "SKIPPED, nothing is known" in out

    def test_an_answer_that_is_none_is_told_too(self, monkeypatch, capsys):
        self.answering(monkeypatch, {"results": [{}]})  # of one package, where many were asked for
        assert audit.check_vulnerabilities() == 0
        assert "SKIPPED" in capsys.readouterr().out

    def test_a_known_one_fails_with_package_and_name(self, monkeypatch, capsys):
        rows = [{} for _ in audit.locked()]
        rows[0] = {"vulns": [{"id": "PYSEC-0000-1"}]}
        self.answering(monkeypatch, {"results": rows})
        assert audit.check_vulnerabilities() == 1
        name, (version, _) = next(iter(audit.locked().items()))
        assert f"{name}=={version}: PYSEC-0000-1" in capsys.readouterr().out

    def test_none_known_says_how_many_were_asked_for(self, monkeypatch, capsys):
        self.answering(monkeypatch, {"results": [{} for _ in audit.locked()]})
        assert audit.check_vulnerabilities() == 0
        assert f"{len(audit.locked())} packages asked for, 0 with known ones" in capsys.readouterr().out
