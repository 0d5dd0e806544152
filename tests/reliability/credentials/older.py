"""Workers of two versions, the older one from the repository's past, share an account's token."""

import io
import subprocess
import tarfile
from pathlib import Path

from tests.e2e.process import Process
from tests.e2e.stack import ROOT
from tests.reliability.credentials.laws import Number
from tests.reliability.credentials.stage import Scene, Stage


def older(revision: str) -> Scene:
    """The newer worker starts, the older joins it, goes on alone, and is joined by the newer again."""

    def play(stage: Stage) -> None:
        code = _checked_out(revision, stage.stack.folder / "older")
        stage.start(1)
        newer = stage.stack.workers[0]
        with stage.load() as load:
            load.until(stage.seconds / 6)
            old = _start(stage, code)
            stage.revoke()
            load.until(stage.seconds * 2 / 6)
            _end(newer)
            stage.revoke()
            load.until(stage.seconds * 4 / 6)
            stage.stack.start_workers(1)
            stage.revoke()
            load.until(stage.seconds * 5 / 6)
            _end(old)
        # One a start and one a revocation.
        stage.laws.append(Number(at_most=6))

    return Scene(name="older", title=f"workers of now and of {revision} take turns; 3 revocations", play=play)


def _checked_out(revision: str, folder: Path) -> Path:
    archive = subprocess.run(["git", "archive", revision], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    return folder


def _start(stage: Stage, code: Path) -> Process:
    stack = stage.stack
    name = f"worker-{len(stack.workers) + 1}"
    process = stack._process(name, [str(code / "worker.py")], {"PYTHONPATH": str(code)})
    stack.workers.append(process)
    stack.until_log(name, "worker serves")
    return process


def _end(worker: Process) -> None:
    worker.terminate()
    worker.wait()
