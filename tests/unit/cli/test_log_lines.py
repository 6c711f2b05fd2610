"""Log lines of a command: warnings with their fields, information on request, no secret, nothing left behind."""

import logging

import pytest

from nanodesk.brokers.credentials import Secret
from nanodesk.cli.log_lines import hide, log_lines
from nanodesk.errors import visible

logger = logging.getLogger("nanodesk.oms.example")


class TestLogLines:
    def test_a_warning_is_one_line_with_its_fields(self, capsys):
        with log_lines(debug=False):
            logger.info("asked")
            logger.warning("submit_raised", extra={"error": "OSError", "text": "\x1b[2J\n"})
        expected = "WARNING nanodesk.oms.example: submit_raised error='OSError' text='\\x1b[2J\\n'\n"
        assert capsys.readouterr().err == expected

    def test_what_another_library_logs_does_not_act_on_the_terminal(self, capsys):
        with log_lines(debug=False):
            try:
                raise OSError("gone \x1b[2J")
            except OSError:
                logging.getLogger("other").exception("said \x1b]0;owned\x07 \u202e")
        err = capsys.readouterr().err
        assert visible(err) == err
        assert "said \\u001b]0;owned\\u0007" in err

    def test_a_traceback_follows_the_line(self, capsys):
        with log_lines(debug=False):
            try:
                raise OSError("gone")
            except OSError:
                logger.exception("reader_failed", extra={"request": 7})
        first, *rest = capsys.readouterr().err.splitlines()
        assert first == "ERROR nanodesk.oms.example: reader_failed request=7"
        assert rest[-1] == "OSError: gone"

    @pytest.mark.parametrize(("debug", "expected"), [(True, "INFO nanodesk.oms.example: asked\n"), (False, "")])
    def test_information_on_request(self, capsys, debug, expected):
        with log_lines(debug=debug):
            logger.info("asked")
        assert capsys.readouterr().err == expected

    def test_afterwards_logging_is_as_it_was(self):
        before = (list(logging.getLogger().handlers), logging.getLogger("nanodesk").level)
        with log_lines(debug=True):
            pass
        assert (logging.getLogger().handlers, logging.getLogger("nanodesk").level) == before


class TestHide:
    def test_a_loaded_secret_is_in_no_line(self, capsys):
        with log_lines(debug=False):
            hide(Secret("hunter2222"))
            hide(Secret("correct horse"))
            logging.getLogger("someone.else").error("GET %s", "?key=hunter2222", extra={"header": "correct horse"})
        told = capsys.readouterr().err
        assert told == "ERROR someone.else: GET ?key=[hidden] header='[hidden]'\n"

    def test_handlers_of_the_caller_are_left_alone(self, caplog):
        with log_lines(debug=False):
            hide(Secret("hunter2222"))
            logger.warning("hunter2222")
        assert all(not handler.filters for handler in logging.getLogger().handlers)
