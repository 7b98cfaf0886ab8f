"""The one-time link that makes the first administrator, as an operator reads it."""

import json

import click


def show_setup_link(
    token: str, *, public_url: str, served_at: str, email: str | None = None
) -> None:
    """``served_at`` is where this machine reaches the server without a proxy in between."""
    body = {"token": token, "email": email or "you@example.com", "password": "…"}
    click.echo(
        "There is no administrator yet. This one-time link makes one, within the hour, for a page\n"
        "that posts its token:\n"
        f"  {public_url}/setup#token={token}\n"
        "From here, with an address and a password of yours in the places shown:\n"
        f"  curl {served_at}/auth/setup -H 'Content-Type: application/json' \\\n"
        f"    -d '{json.dumps(body, ensure_ascii=False)}'"
    )
