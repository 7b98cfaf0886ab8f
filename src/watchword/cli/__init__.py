"""The command line: each command asks for what it needs, calls a flow, and says what happened.

To add a command: write it in the module of its subject, name it in `COMMANDS`, and tell of it in
docs/cli.md (a test holds the three together). Invariant: nothing here loads what only one command
needs, and nobody who runs a command ever sees a traceback that they did not ask for.
"""

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Final, NamedTuple

import click

from watchword import __version__
from watchword.domain.errors import Refusal


class Entry(NamedTuple):
    """Where a command is found, and the line that lists it."""

    place: str
    summary: str


COMMANDS: Final[Mapping[str, Entry]] = {
    "serve": Entry("serve:serve", "Serve over HTTP, with one process or several."),
    "migrate": Entry("upkeep:migrate", "Bring the database up to this version's schema."),
    "doctor": Entry("doctor:doctor", "Explain what is unsafe or missing, and how to mend it."),
    "openapi": Entry("upkeep:openapi", "Print the API reference as OpenAPI 3.1."),
    "admin create": Entry("admin:create", "Make an administrator, or a link that makes one."),
    "users list": Entry("users:list_users", "List accounts, newest first."),
    "users import": Entry("users_import:import_users", "Bring accounts over from another system."),
    "users export": Entry("users:export_users", "Write out every account, newest first."),
    "users disable": Entry("users:disable", "Disable an account and end its sessions."),
    "users enable": Entry("users:enable", "Let a disabled account sign in again."),
    "users reset-mfa": Entry(
        "users:reset_mfa", "Remove the second factor of somebody who has lost it."
    ),
    "sessions list": Entry(
        "sessions:list_sessions", "List the live sessions of a user, newest first."
    ),
    "sessions revoke": Entry("sessions:revoke", "End one session, a user's, or everybody's."),
    "keys list": Entry("keys:list_keys", "List the keys that sign access tokens."),
    "keys rotate": Entry("keys:rotate", "Sign with the next key from now on."),
    "geo update": Entry("geo:update", "Fetch a newer database of places."),
    "audit export": Entry("audit:export", "Write out the audit log, newest first."),
}
GROUPS: Final = {
    "admin": "Administrators.",
    "users": "Accounts: list, import, export, disable, enable.",
    "sessions": "Sessions: list and revoke.",
    "keys": "Signing keys: list and rotate.",
    "geo": "The database of places.",
    "audit": "The audit log.",
}


class Lazy(click.Group):
    """The commands below ``path``, each loaded when it is called."""

    def __init__(self, path: str = "", **more: str) -> None:
        super().__init__(path.strip() or "watchword", help=more.get("help"))
        self._path = path
        names = (name.removeprefix(path) for name in COMMANDS if name.startswith(path))
        self._names = list(dict.fromkeys(name.split()[0] for name in names))

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return self._names

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002  click's signature
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in self._names:
            return None
        entry = COMMANDS.get(self._path + cmd_name)
        if entry is None:
            return Lazy(f"{cmd_name} ", help=GROUPS[cmd_name])
        module, _, name = entry.place.partition(":")
        command: click.Command = getattr(import_module(f"watchword.cli.{module}"), name)
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002  click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        """From the table alone: `--help` does not load what the commands need."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._summary(name)) for name in self._names])

    def _summary(self, name: str) -> str:
        entry = COMMANDS.get(self._path + name)
        return GROUPS[name] if entry is None else entry.summary


class Watchword(Lazy):
    """Refusals and failures of the machine are told in a sentence, with exit code 1."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except Refusal as refusal:
            raise click.ClickException(str(refusal)) from refusal
        except BrokenPipeError:
            raise
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(f"{place}{error.strerror or error}.") from error


watchword = Watchword(
    help="An authentication server: signed access tokens over sessions that end at once.\n\n"
    "Settings come from the environment (WATCHWORD_…) and from .env in this folder;"
    " `watchword doctor` says what they are and what is unsafe."
)
watchword.params.append(
    click.Option(["--debug"], is_flag=True, expose_value=False, help="Show the traceback of a bug.")
)
click.version_option(__version__, prog_name="watchword")(watchword)


def main() -> None:
    """The program ``watchword``. A bug is told in a sentence, too."""
    try:
        watchword(prog_name="watchword")
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        kind = type(error).__name__
        click.echo(
            f"Error: this is a bug in Watchword ({kind}: {error}). Please report it, with what"
            " `watchword --debug …` says.",
            err=True,
        )
        sys.exit(1)
