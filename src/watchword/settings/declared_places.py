# ruff: noqa: RUF009  `setting` makes a dataclass field, whose default is made anew each time
"""The settings of places, declared as `declared` says, and standing behind the others."""

from dataclasses import dataclass
from pathlib import Path

from watchword.crypto.secret import Secret
from watchword.settings.addresses import archive_url
from watchword.settings.credentials import license_key
from watchword.settings.declared_stores import DeclaredStores
from watchword.settings.parsing import file_path, number, optional, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredPlaces(DeclaredStores):
    maxmind_account_id: int | None = setting(
        "MAXMIND_ACCOUNT_ID",
        optional(number(1, 999_999_999)),
        meaning="The number of an account at MaxMind; with its licence key, the server fetches a "
        "database of places by itself, every week.",
    )
    maxmind_license_key: Secret | None = setting(
        "MAXMIND_LICENSE_KEY",
        optional(license_key()),
        meaning="A licence key of that account.",
    )
    geo_database: Path | None = setting(
        "GEO_DATABASE",
        optional(file_path()),
        meaning="A database in MaxMind's format (`.mmdb`), of cities or of countries, that says "
        "where sessions are; it may be replaced at any time, and what is fetched is put there. "
        "Without it, `geo/places.mmdb` in the data directory.",
    )
    geo_download_url: str | None = setting(
        "GEO_DOWNLOAD_URL",
        optional(archive_url()),
        meaning="Where the `.tar.gz` of the database is fetched from, its SHA-256 being at the "
        "same address with `.sha256` behind it. Without it, MaxMind's GeoLite2 City; without "
        "account and key it is asked for without them.",
    )
