"""The one-time link that makes the first administrator, as an operator reads it."""

import json

import click

from watchword.settings import Settings
from watchword.settings.choices import Pages


def show_setup_link(
    token: str, settings: Settings, *, served_at: str, email: str | None = None
) -> None:
    """``served_at`` is where this machine reaches the server without a proxy in between."""
    body = {"token": token, "email": email or "you@example.com", "password": "…"}
    where = "in a browser" if settings.pages is Pages.ON else "for a page of yours"
    click.echo(
        f"There is no administrator yet. This one-time link makes one, within the hour, {where}:\n"
        f"  {settings.public_url}/setup#token={token}\n"
        "Or from here, with an address and a password of yours in the places shown:\n"
        f"  curl {served_at}/auth/setup -H 'Content-Type: application/json' \\\n"
        f"    -d '{json.dumps(body, ensure_ascii=False)}'"
    )
