"""Tools are run with progress, within their time, and their errors end in what they said last."""

import sys
import time

import pytest

from cli.errors import CommandFailed
from cli.servers.progress import run


def test_a_tool_gives_what_it_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is no terminal, one plain line says what is done and how long it takes."""
    assert run([sys.executable, "-c", "print('made')"], title="Making", expected_s=360).strip() == "made"
    assert capsys.readouterr().err == "Making (about 6 min)\n"


def test_a_tool_that_fails_is_quoted() -> None:
    """The message has the exit code and the end of the output."""
    with pytest.raises(CommandFailed, match=r"(?s)Making: .* ended with code 3\..*\| no space left"):
        run([sys.executable, "-c", "print('no space left'); exit(3)"], title="Making", expected_s=1)


def test_a_tool_that_is_not_there_is_named() -> None:
    """It is told apart from one that failed."""
    with pytest.raises(CommandFailed, match="no-such-tool cannot be run"):
        run(["no-such-tool"], title="Making", expected_s=1)


def test_a_tool_that_takes_too_long_is_ended_with_its_children() -> None:
    """Its time limit ends the whole group: a child that holds the output does not hold us."""
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
    started = time.monotonic()
    with pytest.raises(CommandFailed, match="stopped, not done after 0 s"):
        run([sys.executable, "-c", script], title="Making", expected_s=1, limit_s=0.3)
    assert time.monotonic() - started < 5
