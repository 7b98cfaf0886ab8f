"""Small services to the operator: the schema, and the API reference."""

from pathlib import Path

import click

from watchword.adapters.sql import migrate as schema
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
    path = settings.database_path
    before = schema.current_revision(path)
    changed = schema.migrate(path)
    if as_json:
        show_json({"database": str(path), "from": before, "to": schema.NEWEST, "changed": changed})
        return
    click.echo(told(path, before, changed=changed))


def told(path: Path, before: str | None, *, changed: bool) -> str:
    """What a migration did, in a sentence."""
    if not changed:
        return f"{path} has the schema of this version ({schema.NEWEST})."
    if before is None:
        return f"{path} was made, with schema {schema.NEWEST}."
    return f"{path} was brought from schema {before} to {schema.NEWEST}."


@click.command(epilog=examples("watchword openapi", "watchword openapi -o openapi.json"))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A file to write to.")
def openapi(*, output: Path | None) -> None:
    """Print the API reference as OpenAPI 3.1.

    It is the document that a server with these settings has at /openapi.json.
    """
    document = describe(ROUTES, load_settings().public_url)
    with open_output(output) as file:
        file.write(document + b"\n")
