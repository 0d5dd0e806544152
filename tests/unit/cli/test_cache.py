"""Where servers are kept, and that two processes do not make the same one."""

import os
import threading
from pathlib import Path

import pytest

from cli.errors import CliError
from cli.servers.cache import cache_dir, making


def test_cache_is_where_the_user_wants_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """XDG_CACHE_HOME decides; a relative one is ignored, as its specification asks."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "there"))
    assert cache_dir() == tmp_path / "there" / "talkbridge"
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_dir() == tmp_path / "home" / ".cache" / "talkbridge"


def test_a_cache_that_cannot_be_made_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The sentence names the variable that mends it."""
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(CliError, match="set XDG_CACHE_HOME"):
        cache_dir()


def test_one_makes_and_the_others_wait(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second one says that it waits, and comes in when the first has left."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    order: list[str] = []

    def second() -> None:
        with making("thing"):
            order.append("second")

    thread = threading.Thread(target=second)
    with making("thing") as workshop:
        assert os.stat(workshop).st_dev == os.stat(cache_dir()).st_dev  # noqa: PTH116 - as rename() sees it
        thread.start()
        thread.join(0.2)
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]
    assert "another process is making it" in capsys.readouterr().err
