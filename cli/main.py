"""Entry point of `talkbridge`: one line a command, each imported only when it is called for."""

import atexit
import os
import sys

from cyclopts import App, CycloptsError

from cli.errors import CliError
from cli.servers.progress import say

app = App(
    name="talkbridge",
    help="The durable bridge between a telephony platform and Zendesk Support.",
    # What cannot be understood is no failure of what was asked for: it has a code of its own.
    exit_on_error=False,
)
BAD_USAGE = 2

# A new command is a module with an `App` or a function, and a line here; the text is for `--help`, which imports none.
_DEMO = """Start everything on this machine and play six stories of calls.

It prints the address of operations' page, and how to sign in, before the first story. On a terminal, or with --stay, it
stays up until Ctrl-C and places a call every few seconds. Elsewhere, or with DEMO_ONCE=1, it ends: 0 when all is as it
should be, else 1.
"""
_CALLS = """List calls, the newest first, or watch them.

A table on a terminal. Elsewhere a line a call, cells separated by tabs: received, call, state, ticket, customer,
agent, screen pop, what it waits for. With --watch a terminal shows the list as it is now; elsewhere a call is a line
whenever it has changed.
"""
_AUDIT = """Tell every event, request and mend of a call, or of all calls in a span of time.

Reads PostgreSQL (DATABASE_URL) and nothing else; customer data is masked there. A request whose outcome is `unknown`
was sent, or may have been, and no answer is known. `token` and `doctor` stand where a call's id does for requests that
belong to no call.
"""
_DOCTOR = """Check an installation: what keeps it from working, and what mends it.

Leaves nothing behind but the rows of its own requests in the ledger. Exit code 0: nothing fails, 1: something fails,
2: it could not look.
"""
COMMANDS = {
    "demo": ("cli.demo.command:demo", _DEMO),
    "setup": ("cli.setup:setup_command", "Prepare database and Temporal for this release; as often as you like."),
    "settings": ("cli.settings:settings", "What is set for each process, where, and what is missing."),
    "send": ("cli.send:app", "Send signed call webhooks, as a telephony platform does."),
    "call": ("cli.mend:app", "What became of a call, and what to do about it."),
    "calls": ("cli.calls.command:calls", _CALLS),
    "audit": ("cli.audit.command:audit", _AUDIT),
    "doctor": ("cli.doctor.command:doctor", _DOCTOR),
    "servers": ("cli.servers.commands:app", "Development servers: Temporal and PostgreSQL on this machine."),
}

for name, (target, summary) in COMMANDS.items():
    app.command(target, name=name, help=summary)


def main() -> None:
    """Run the command line. What the user can mend ends in one sentence and code 1, bad usage in 2, Ctrl-C in 130."""
    code: int | None = None

    def leave() -> None:
        """A command that used Temporal has its own way to end."""
        if code is not None and "temporalio" in sys.modules:
            from workflows.connection import leave as leave_temporal

            leave_temporal(code)

    # Registered first and so called last, after what the servers registered to be stopped.
    atexit.register(leave)
    try:
        app()
        code = 0
    except CliError as error:
        say(str(error))
        code = 1
    except CycloptsError:
        # It has been told.
        code = BAD_USAGE
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        # Whoever read has enough; what is left over must not be written at the end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except SystemExit as leaving:
        if isinstance(leaving.code, int):
            code = leaving.code
        raise
    sys.exit(code)


if __name__ == "__main__":
    main()
