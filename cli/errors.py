"""What may end a command: each error is one sentence for the person at the terminal.

CliError
├── ServerNotFound      no way to get a development server; says what to install
├── ServerDidNotStart   it is there, but did not serve in time; carries the end of its log
└── CommandFailed       a tool we ran (go, mvn, initdb …) ended badly; carries the end of its output
"""


class CliError(Exception):
    """Ends a command with exit code 1 and this sentence."""


class ServerNotFound(CliError):
    """A development server can neither be found nor made; the message names the commands that would fix it."""


class ServerDidNotStart(CliError):
    """A development server was started and does not serve; the message ends with the last lines of its log."""


class CommandFailed(CliError):
    """A tool ended with a non-zero code or was stopped at its time limit; the message ends with its last lines."""
