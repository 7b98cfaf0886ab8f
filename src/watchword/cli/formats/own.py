"""Watchword's own form: what `users export` writes."""

from typing import Final

from watchword.cli.formats.fields import Record
from watchword.cli.formats.format import Format, Row
from watchword.flows.importing import FIELDS, PASSED_OVER
from watchword.web.tables import unquoted

_CLAIMS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def own() -> Format:
    return Format(
        read=lambda record: record,
        read_row=_read_row,
        columns=("email",),
        others=(*FIELDS[1:], *PASSED_OVER),
        longest=16_384,  # an account needs fewer than 3,000
    )


def _read_row(row: Row) -> Record:
    record: dict[str, object] = {
        name: None if cell is None else unquoted(cell) for name, cell in row.items()
    }
    claim = record.get("emailVerified")
    if isinstance(claim, str):
        record["emailVerified"] = _CLAIMS.get(claim.lower(), claim)
    return record
