"""`doctor`: what is unsafe or missing, and what to do about it."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace

import click

from watchword.adapters.system import SystemClock
from watchword.cli.findings import Finding, Weight, broken, is_exposed, of_settings
from watchword.cli.machine import of_machine
from watchword.cli.stored import Looked, look_at_store
from watchword.cli.terminal import count_of, examples, show_json
from watchword.settings import Row, Settings, SettingsError

_MARKS = {Weight.HINT: "hint  ", Weight.UNSAFE: "UNSAFE", Weight.BROKEN: "BROKEN"}
_READ = "docs/configuration.md explains every setting."
_ORDER = list(_MARKS)  # the worst stands nearest to where one goes on typing


@click.command(epilog=examples("watchword doctor", "watchword doctor --json | jq '.findings[]'"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(*, as_json: bool) -> None:
    """Explain what is unsafe or missing, and how to mend it.

    Shows the settings as they are in force and the store with its schema, then what was found in
    the settings, in the data directory, in the store and on this machine; nothing is changed. The
    exit code is 1 when something is unsafe or broken. What is unsafe where others can reach it is a
    hint as long as the public URL is http on this machine alone.
    """
    try:
        settings = Settings.load()
    except SettingsError as error:
        findings = [broken("settings", problem, _READ) for problem in error.problems]
        _show([], None, findings, as_json=as_json)
    else:
        now = SystemClock().now()
        store = look_at_store(settings, now)
        found = [*of_settings(settings), *of_machine(settings, now), *store.findings]
        findings = found if is_exposed(settings) else [_softened(finding) for finding in found]
        _show(settings.describe(), store, findings, as_json=as_json)
    if any(finding.weight is not Weight.HINT for finding in findings):
        sys.exit(1)


def _softened(finding: Finding) -> Finding:
    return replace(finding, weight=Weight.HINT) if finding.weight is Weight.UNSAFE else finding


def _show(
    rows: Sequence[Row], store: Looked | None, findings: Iterable[Finding], *, as_json: bool
) -> None:
    findings = sorted(findings, key=lambda finding: _ORDER.index(finding.weight))
    if as_json:
        told = store and {
            "place": store.place,
            "sessions": store.sessions,
            "schema": store.schema,
            "isReachable": store.is_reachable,
        }
        settings = {row.name: row.value for row in rows}
        show_json({"settings": settings, "store": told, "findings": findings})
        return
    width = max((len(row.name) for row in rows), default=0)
    for row in rows:
        click.echo(f"{row.name:<{width}}  {row.value}")
    if store is not None:
        click.echo(f"\nStore: {store}.")
        if store.sessions != store.place:
            click.echo(f"Sessions: what moves in them is kept at {store.sessions}.")
    click.echo()
    for finding in findings:
        click.echo(f"{_MARKS[finding.weight]}  {finding.subject}: {finding.problem}")
        click.echo(f"        {finding.remedy}")
    click.echo(_verdict(findings))


def _verdict(findings: Iterable[Finding]) -> str:
    count = sum(finding.weight is not Weight.HINT for finding in findings)
    if not count:
        return "Nothing unsafe was found."
    return f"{count_of(count, 'thing')} to mend."
