"""Small services to the operator: the schema, and the API reference."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import click

from watchword.bootstrap.storage import NEWEST, Storage, storage_of
from watchword.cli.output import open_output
from watchword.cli.running import load_settings, require_folder
from watchword.cli.terminal import examples, show_json
from watchword.web.app import ROUTES
from watchword.web.openapi import describe


@click.command(epilog=examples("watchword migrate", "watchword migrate --json"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def migrate(*, as_json: bool) -> None:
    """Bring the database up to this version's schema.

    `watchword serve` does it by itself; run it apart to do it before the servers are replaced.
    Migrations only go forward.
    """
    settings = load_settings()
    require_folder(settings.data_dir)
    done = asyncio.run(bring_up(storage_of(settings)))
    if as_json:
        show_json(
            {"database": done.place, "from": done.before, "to": NEWEST, "changed": done.changed}
        )
        return
    click.echo(str(done))


@dataclass(frozen=True, slots=True)
class Migration:
    """What was done to the schema of a store; in a sentence, when it is asked for its text."""

    place: str
    before: str | None
    changed: bool

    def __str__(self) -> str:
        if not self.changed:
            return f"{self.place} has the schema of this version ({NEWEST})."
        if self.before is None:
            return f"{self.place} was made, with schema {NEWEST}."
        return f"{self.place} was brought from schema {self.before} to {NEWEST}."


async def bring_up(storage: Storage) -> Migration:
    """Raise `Unavailable` whose text says what to do when it cannot be done."""
    before = await storage.revision()
    return Migration(storage.place, before, await storage.migrate())


@click.command(epilog=examples("watchword openapi", "watchword openapi -o openapi.json"))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A file to write to.")
def openapi(*, output: Path | None) -> None:
    """Print the API reference as OpenAPI 3.1.

    It is the document that a server with these settings has at /openapi.json.
    """
    document = describe(ROUTES, load_settings().public_url)
    with open_output(output) as file:
        file.write(document + b"\n")
