"""The keys that sign access tokens."""

import click

from watchword.bootstrap import Core
from watchword.cli.running import run, trace_of
from watchword.cli.terminal import examples, show_json, show_table
from watchword.web.key_shapes import KeyShape, key_shape


@click.command(
    "list", epilog=examples("watchword keys list", "watchword keys list --json | jq -r '.keys[0]'")
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_keys(*, as_json: bool) -> None:
    """List the keys that sign access tokens.

    One signs, the next is published ahead of its use, and those before verify until the last token
    that they signed has ended.
    """
    keys = run(_read)
    if as_json:
        show_json({"keys": keys})
        return
    rows = [
        (key.kid, key.algorithm, key.state, key.created_at, key.retires_at or "") for key in keys
    ]
    show_table(("KID", "ALGORITHM", "STATE", "CREATED", "VERIFIES UNTIL"), rows)


@click.command(epilog=examples("watchword keys rotate"))
@click.pass_context
def rotate(context: click.Context) -> None:
    """Sign with the next key from now on.

    Running servers take it over with their next request; tokens that the former key signed stay
    valid until they end. Nobody is signed out.
    """
    kid = run(lambda core: _rotate(core, context))
    click.echo(f"{kid} signs from now on.")


async def _rotate(core: Core, context: click.Context) -> str:
    await core.services.keyring.prepare()
    return await core.services.keyring.rotate(trace_of(context))


async def _read(core: Core) -> list[KeyShape]:
    now = core.services.clock.now()
    return [key_shape(key, now) for key in await core.store.reading.keys.list_keys()]
