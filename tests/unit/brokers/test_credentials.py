"""Secrets come from three places only, and show themselves nowhere."""

import base64
import copy
import json
import logging
import pickle
import sys
import traceback
from pathlib import Path

import pytest

from nanodesk.brokers.credentials import Secret, as_secret, load_secret, read_secret_file
from nanodesk.brokers.redaction import MASK, RedactingFilter, Redactor
from nanodesk.errors import ConfigError
from secret_watch import HOLDS_A_SECRET, MARK

VALUE = f"k/9+{MARK}==&x y"
BASE64 = base64.b64encode(VALUE.encode()).decode()


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / HOLDS_A_SECRET
    path.write_text(f"{VALUE}\n")
    path.chmod(0o600)
    return path


class TestSecret:
    def test_no_way_of_printing_shows_it(self):
        secret = Secret(VALUE, name="KEY")
        assert VALUE not in f"{secret} {secret!r} {secret!s} {[secret]} {secret:>40}"
        assert str(secret) == "<KEY: hidden>"

    @pytest.mark.parametrize("escape", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, vars])
    def test_it_is_not_serialised(self, escape):
        with pytest.raises(TypeError) as caught:
            escape(Secret(VALUE))
        assert VALUE not in str(caught.value)

    def test_equal_by_value(self):
        assert Secret("a", name="KEY") == Secret("a", name="KEY")
        assert Secret("a") != Secret("b")
        assert Secret("a") != "a"

    def test_empty_is_refused(self):
        with pytest.raises(ConfigError, match="KEY is empty"):
            Secret("", name="KEY")

    def test_as_secret_keeps_one_that_is_one(self):
        secret = Secret("a")
        assert as_secret(secret, name="KEY") is secret
        assert as_secret("a", name="KEY").reveal() == "a"


class TestReadSecretFile:
    def test_reads_a_private_file(self, secret_file):
        assert read_secret_file(secret_file, name="KEY").reveal() == VALUE

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
    def test_a_file_open_to_others_is_refused(self, secret_file, mode):
        secret_file.chmod(mode)
        with pytest.raises(ConfigError, match=f"{mode:04o}.*chmod 600"):
            read_secret_file(secret_file, name="KEY")

    def test_a_link_is_refused(self, secret_file, tmp_path):
        link = tmp_path / "link"
        link.symlink_to(secret_file)
        with pytest.raises(ConfigError, match="links are refused"):
            read_secret_file(link, name="KEY")

    def test_a_folder_and_a_missing_file_are_refused(self, tmp_path):
        with pytest.raises(ConfigError, match="no regular file"):
            read_secret_file(tmp_path, name="KEY")
        with pytest.raises(ConfigError, match="cannot be read"):
            read_secret_file(tmp_path / "missing", name="KEY")

    def test_too_long_and_not_text_are_refused_without_showing_bytes(self, secret_file):
        secret_file.write_bytes(b"x" * 20_000)
        with pytest.raises(ConfigError, match="longer than"):
            read_secret_file(secret_file, name="KEY")
        secret_file.write_bytes(b"\xff\xfe" + MARK.encode())
        with pytest.raises(ConfigError, match="no UTF-8") as caught:
            read_secret_file(secret_file, name="KEY")
        assert caught.value.__cause__ is None


class TestLoadSecret:
    def test_keyring_then_file_then_environment(self, secret_file):
        def held(service: str, name: str) -> str | None:
            return {"desk": {"KEY": "ring"}}.get(service, {}).get(name)

        sources = {"path": secret_file, "environ": {"KEY": "env"}, "keyring_lookup": held}
        assert load_secret("KEY", keyring_service="desk", **sources).reveal() == "ring"
        assert load_secret("KEY", keyring_service="other", **sources).reveal() == VALUE
        assert load_secret("KEY", environ={"KEY": "env"}).reveal() == "env"

    def test_an_unsafe_file_is_no_reason_to_look_further(self, secret_file):
        secret_file.chmod(0o644)
        with pytest.raises(ConfigError, match="chmod 600"):
            load_secret("KEY", path=secret_file, environ={"KEY": "env"})

    def test_not_found_names_what_was_asked(self):
        with pytest.raises(ConfigError, match="secret KEY was not found; looked in keyring service 'desk' and the env"):
            load_secret("KEY", keyring_service="desk", environ={}, keyring_lookup=lambda service, name: None)

    def test_a_keyring_that_only_fails_is_told_and_the_environment_is_still_asked(self, monkeypatch):
        keyring = pytest.importorskip("keyring")
        from keyring.backends.fail import Keyring

        before = keyring.get_keyring()
        keyring.set_keyring(Keyring())
        try:
            assert load_secret("KEY", keyring_service="desk", environ={"KEY": "env"}).reveal() == "env"
            with pytest.raises(ConfigError) as caught:
                load_secret("KEY", keyring_service="desk", environ={})
        finally:
            keyring.set_keyring(before)
        told = "keyring service 'desk' (this machine has no keyring that works (NoKeyringError)) and the environment"
        assert told in str(caught.value)

    def test_a_keyring_that_breaks_in_its_own_way_shows_nothing_of_it(self, monkeypatch):
        keyring = pytest.importorskip("keyring")

        def broken(service, name):
            raise OSError(f"dbus: {VALUE}")

        monkeypatch.setattr(keyring, "get_password", broken)
        with pytest.raises(ConfigError, match="no keyring that works") as caught:
            load_secret("KEY", keyring_service="desk", environ={})
        assert MARK not in "".join(traceback.format_exception(caught.value))

    def test_a_missing_package_is_named(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "keyring", None)
        with pytest.raises(ConfigError, match="keyring is not installed"):
            load_secret("KEY", keyring_service="desk", environ={})

    def test_a_file_of_somebody_else_is_refused(self, secret_file, monkeypatch):
        monkeypatch.setattr("os.geteuid", lambda: secret_file.stat().st_uid + 1)
        with pytest.raises(ConfigError, match="belongs to another user"):
            load_secret("KEY", path=secret_file)


class TestRedactor:
    @pytest.mark.parametrize(
        "form",
        [
            VALUE,
            f"k%2F9%2B{MARK}%3D%3D%26x%20y",
            f"k%2F9%2B{MARK}%3D%3D%26x+y",
            BASE64,
            BASE64.rstrip("="),
            VALUE.encode().hex(),
        ],
    )
    def test_every_form_is_hidden(self, form):
        cleaned = Redactor([Secret(VALUE)]).clean(f"before {form} after")
        assert cleaned == f"before {MASK} after"

    def test_lines_of_a_pem_key_are_hidden_one_by_one(self):
        pem = f"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEI{MARK}\n-----END PRIVATE KEY-----\n"
        assert MARK not in Redactor([Secret(pem)]).clean(f"sent MC4CAQAwBQYDK2VwBCIEI{MARK} in the clear")

    def test_a_signature_is_hidden_whoever_made_it(self):
        assert Redactor().clean("?timestamp=1&signature=00aabbccddeeff11") == f"?timestamp=1&signature={MASK}"

    def test_other_text_stays(self):
        assert Redactor([Secret(VALUE)]).clean("order 12 filled") == "order 12 filled"


class TestRedactingFilter:
    def test_message_arguments_fields_and_tracebacks(self, caplog):
        logger = logging.getLogger("test.redaction")
        logger.addFilter(RedactingFilter(Redactor([Secret(VALUE)])))
        try:
            raise ValueError(VALUE)
        except ValueError:
            logger.exception("failed with %s", VALUE, extra={"url": f"/x?{VALUE}", "count": 3})
        record = caplog.records[-1]
        assert VALUE not in record.getMessage() + record.exc_text + record.url + caplog.text
        assert record.count == 3


class TestReceived:
    def test_an_answer_that_repeats_the_request_is_cleaned_and_every_other_is_the_same_object(self):
        redactor = Redactor([Secret("a-secret-of-some-length"), Secret("short12")])
        sound = b'{"symbol": "short12"}'
        assert redactor.clean_received(sound) is sound
        echoed = b"<html>GET /order?key=a-secret-of-some-length&signature=0a1b2c3d4e5f60718293</html>"
        assert redactor.clean_received(echoed) == b"<html>GET /order?key=[hidden]&signature=[hidden]</html>"
