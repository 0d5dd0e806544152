"""Temporary folders go with their server, and with the next one when their process was killed."""

import subprocess
import sys
from pathlib import Path

from cli.servers.folder import Folder


def test_a_folder_left_by_a_killed_process_is_swept_up(tmp_path: Path) -> None:
    """Those of running processes, and what is not ours, stay."""
    (tmp_path / "talkbridge-somebody").mkdir()
    mine = Folder(tmp_path)
    script = (
        "import os, pathlib, sys; from cli.servers.folder import Folder; Folder(pathlib.Path(sys.argv[1])); os.abort()"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert len(list(tmp_path.iterdir())) == 3
    other = Folder(tmp_path)
    assert set(tmp_path.iterdir()) == {tmp_path / "talkbridge-somebody", mine.path, other.path}
    mine.remove()
    other.remove()
    mine.remove()
    assert list(tmp_path.iterdir()) == [tmp_path / "talkbridge-somebody"]
