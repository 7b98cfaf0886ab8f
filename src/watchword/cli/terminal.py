"""How things are said on a terminal: in sentences to people, as JSON to scripts.

Invariant: what other people wrote is shown without anything that could move the cursor (I08, I09).
"""

from collections.abc import Sequence

import click
import msgspec

from watchword.domain.devices import printable

_WIDEST = 60


def examples(*commands: str) -> str:
    """The end of a command's help, left as it is written."""
    lines = "\n".join(f"  {command}" for command in commands)
    return f"\b\nExamples:\n{lines}"


def note(text: str) -> None:
    """Beside the result of a command, not part of it."""
    click.echo(text, err=True)


def fail(text: str) -> click.ClickException:
    """To be raised: one sentence that says what to do."""
    return click.ClickException(text)


def show_json(content: object) -> None:
    click.echo(msgspec.json.encode(content).decode())


def show_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as they must be; the last one as it comes."""
    shown = [headings, *([printable(cell, _WIDEST) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in shown) for column in range(len(headings))]
    widths[-1] = 0
    for row in shown:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def count_of(number: int, thing: str) -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
