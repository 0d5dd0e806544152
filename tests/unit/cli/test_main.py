"""The entry point: what the user can mend ends in one sentence, and nothing is imported before it is needed."""

import subprocess
import sys

import pytest

from cli import main
from cli.errors import CliError


def test_what_the_user_can_mend_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback: the sentence on stderr, and code 1."""

    def refuse() -> None:
        raise CliError("There is no [Temporal] server here.")

    monkeypatch.setattr(main, "app", refuse)
    with pytest.raises(SystemExit, match="1"):
        main.main()
    assert capsys.readouterr() == ("", "There is no [Temporal] server here.\n")


def test_ctrl_c_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends in 130, as shells expect."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(main, "app", interrupt)
    with pytest.raises(SystemExit, match="130"):
        main.main()


def test_every_command_is_in_the_help() -> None:
    """Each line of the table is told of by `--help`."""
    answer = subprocess.run([sys.executable, "-m", "cli.main", "--help"], capture_output=True, text=True, check=True)
    assert all(name in answer.stdout for name in main.COMMANDS)


def test_a_command_only_imports_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting the command line does not load Temporal's SDK."""
    script = "import sys, cli.main; sys.exit('temporalio' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)
