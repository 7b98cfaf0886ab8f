"""Keycloak: the export of a realm with its users, or a list of users alone."""

from typing import Final

from watchword.cli.formats.fields import (
    Record,
    Unreadable,
    account,
    address_of,
    flag_of,
    joined,
    object_of,
    text_of,
)
from watchword.cli.formats.format import Format

_PBKDF2: Final = ("pbkdf2-sha256", "pbkdf2-sha512")
_ARGON2_VERSIONS: Final = {"1.0": "16", "1.3": "19"}


def keycloak() -> Format:
    return Format(read=_read, members="users", why_no_table="Keycloak writes JSON (kc.sh export).")


def _read(record: Record) -> Record | None:
    if text_of(record, "serviceAccountClientId"):
        return None  # a program, not a person
    email = address_of(record, "email", "username")
    return account(
        email=email,
        name=joined(record, "firstName", "lastName"),
        password_hash=_password_hash(record),
        verified=email == record.get("email") and flag_of(record, "emailVerified"),
        active=flag_of(record, "enabled"),
    )


def _password_hash(record: Record) -> str:
    """In PHC form. Other credentials, second factors among them, stay behind."""
    credentials = record.get("credentials") or []
    if not isinstance(credentials, list):
        raise Unreadable("credentials: This must be a list.")
    for one in credentials:
        if not isinstance(one, dict):
            raise Unreadable("credentials: This must be a list of objects.")
        if one.get("type") == "password":
            return _phc(object_of(one, "credentialData"), object_of(one, "secretData"))
    return ""


def _phc(about: Record, secret: Record) -> str:
    algorithm, rounds = text_of(about, "algorithm"), about.get("hashIterations")
    if not isinstance(rounds, int) or isinstance(rounds, bool):
        raise Unreadable("hashIterations: This must be a number.")
    salt, digest = (text_of(secret, name).rstrip("=") for name in ("salt", "value"))
    if algorithm in _PBKDF2:
        return f"${algorithm}$i={rounds}${salt}${digest}"
    if algorithm == "argon2":
        return f"${_argon2(object_of(about, 'additionalParameters'), rounds)}${salt}${digest}"
    raise Unreadable("credentials: No password can be verified with a hash of this algorithm.")


def _argon2(parameters: Record, passes: int) -> str:
    kind, version, memory, lanes = (
        _only(parameters, name) for name in ("type", "version", "memory", "parallelism")
    )
    return f"argon2{kind}$v={_ARGON2_VERSIONS.get(version)}$m={memory},t={passes},p={lanes}"


def _only(parameters: Record, name: str) -> str:
    """Each parameter is a list of one text."""
    values = parameters.get(name)
    if isinstance(values, list) and len(values) == 1 and isinstance(values[0], str):
        return values[0]
    raise Unreadable(f"additionalParameters: {name} must be a list of one text.")
