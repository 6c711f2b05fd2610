"""What is looked at before the first connection."""

import pytest

from nanodesk.errors import ConfigError
from nanodesk.rebalance.config import parse_config
from nanodesk.rebalance.startup_checks import LIVE_SWITCH, file_system, require_startup, startup_issues
from secret_watch import marked


def issues(text, folder, environ=None):
    if "[logging]" not in text:
        text += f'\n[logging]\ndir = "{folder}"\nmin_free_bytes = 1\n'
    return startup_issues(parse_config(text), location="c.toml", environ=environ or {})


IBKR = '[account]\nid = "DU1"\n[connection]\n'
BINANCE = '[connection]\nbroker = "binance"\napi_key_env = "K"\napi_secret_env = "S"\n'


class TestIssues:
    @pytest.mark.parametrize(
        ("text", "field"),
        [
            (IBKR + "timeout_secs = 4", "connection.timeout_secs"),
            (IBKR + "timeout_secs = 61", "connection.timeout_secs"),
            (IBKR + 'host = " "', "connection.host"),
            (IBKR + 'host = "10.0.0.1"', "connection.host"),
            (IBKR + "[risk]\nmax_leverage = 11", "risk.max_leverage"),
            (IBKR + "[risk]\nmax_leverage = 0.5", "risk.max_leverage"),
            (IBKR + '[execution]\norder_type = "twap"\ntwap_interval_secs = 2', "execution.twap_interval_secs"),
            ('[connection]\nbroker = "alpaca"\nmode = "live"\nkeyring_service = "x"', "account.id"),
            (BINANCE, "connection.api_key_env"),
            ('[connection]\nbroker = "binance"\nkeyring_service = "x"\n[logging]\ndir="/proc/x"', "logging.dir"),
        ],
    )
    def test_each(self, text, field, tmp_path):
        found = issues(text, tmp_path / "logs", {"S": "secret"})
        assert [issue.field for issue in found] == [field]
        assert found[0].location == "c.toml"
        assert found[0].fix

    def test_live_needs_file_account_and_environment(self, tmp_path):
        text = '[account]\nid = "U1"\n[connection]\nmode = "live"'
        for environ in ({}, {LIVE_SWITCH: "yes"}, {LIVE_SWITCH: "U2"}):
            assert [issue.field for issue in issues(text, tmp_path, environ)] == ["connection.mode"]
        assert issues(text, tmp_path, {LIVE_SWITCH: "U1"}) == ()
        assert "no real money" in issues(text + '\nbroker = "paper"', tmp_path, {LIVE_SWITCH: "U1"})[0].fix

    def test_none(self, tmp_path):
        assert issues(IBKR, tmp_path / "logs") == ()
        assert issues(BINANCE, tmp_path / "logs", {"K": "k", "S": "s"}) == ()
        assert issues(IBKR + 'host = "10.0.0.1"\nallow_remote_host = true', tmp_path / "logs") == ()
        assert (tmp_path / "logs").stat().st_mode & 0o777 == 0o700
        assert list((tmp_path / "logs").iterdir()) == []

    def test_a_folder_that_anybody_can_write_to_is_refused(self, tmp_path):
        (tmp_path / "open").mkdir()
        (tmp_path / "open").chmod(0o777)
        (issue,) = issues(IBKR, tmp_path / "open")
        assert issue.field == "logging.dir"
        assert "with mode 0777" in issue.value
        assert "chmod 700" in issue.fix

    def test_disk_and_links(self, tmp_path):
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "real")
        full = IBKR + f'[logging]\ndir = "{tmp_path / "real"}"\nmin_free_bytes = {10**18}'
        assert issues(full, tmp_path)[0].field == "logging.min_free_bytes"
        assert "not a link" in issues(IBKR + f'[logging]\ndir = "{tmp_path / "link"}"', tmp_path)[0].fix

    def test_a_disk_of_another_machine(self, tmp_path, monkeypatch):
        """Two machines that lock a journal over NFS may both get it."""
        (tmp_path / "my logs").mkdir()
        mounts = tmp_path / "mountinfo"
        where = str(tmp_path / "my logs").replace(" ", "\\040")
        mounts.write_text(
            f"21 1 8:1 / / rw - ext4 /dev/sda1 rw\n36 21 0:45 / {where} rw,noatime shared:1 - nfs4 host:/x rw\n"
        )
        assert (file_system(tmp_path, mounts), file_system(tmp_path / "my logs", mounts)) == ("ext4", "nfs4")
        assert file_system(tmp_path, tmp_path / "none") == ""
        monkeypatch.setattr(file_system, "__defaults__", (mounts,))
        text = IBKR + f'[logging]\ndir = "{tmp_path / "my logs"}"\nmin_free_bytes = 1'
        assert "on nfs4" in issues(text, tmp_path)[0].value
        assert issues(IBKR, tmp_path) == ()

    def test_all_of_them_are_told_and_no_secret(self, tmp_path):
        text = (
            BINANCE
            + "timeout_secs = 1\n[risk]\nmax_leverage = 99\n"
            + f'[logging]\ndir = "{tmp_path}"\nmin_free_bytes = 1'
        )
        with pytest.raises(ConfigError) as caught:
            require_startup(parse_config(text), location="c.toml", environ={"K": marked("key")})
        assert len(caught.value.problems) == 3
        assert marked("key") not in str(caught.value)
