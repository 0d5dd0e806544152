"""Entry point of `talkbridge`: one line a command, each imported only when it is called for."""

import sys

from cyclopts import App

from cli.errors import CliError
from cli.servers.progress import say

app = App(name="talkbridge", help="The durable bridge between a telephony platform and Zendesk Support.")

# A new command is a module with an `App` or a function, and a line here.
COMMANDS = {
    "demo": "cli.demo.command:demo",
    "setup": "cli.setup:setup_command",
    "settings": "cli.settings:settings",
    "send": "cli.send:app",
    "call": "cli.call:app",
    "servers": "cli.servers.commands:app",
}

for name, target in COMMANDS.items():
    app.command(target, name=name)


def main() -> None:
    """Run the command line. What the user can mend ends in one sentence and code 1; Ctrl-C in 130."""
    try:
        app()
    except CliError as error:
        say(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
