"""What a person is called, and which address is theirs, where systems keep it in several places."""

from typing import Any

import pytest

from watchword.cli.formats import Format
from watchword.cli.formats.auth0 import auth0
from watchword.cli.formats.django import django
from watchword.cli.formats.fields import Record
from watchword.cli.formats.keycloak import keycloak


def told(form: Format, record: Record) -> dict[str, Any]:
    account = form.read(record)
    assert account is not None
    return dict(account)


class TestAuth0:
    @pytest.mark.parametrize(
        ("record", "name"),
        [
            ({"name": "Ada", "nickname": "a"}, "Ada"),
            ({"name": "ada@example.com", "nickname": "ada"}, "ada"),
            ({"given_name": "Ada", "family_name": "Lovelace"}, "Ada Lovelace"),
            ({"family_name": "Lovelace"}, "Lovelace"),
            ({}, ""),
        ],
    )
    def test_an_address_is_no_name(self, record: Record, name: str) -> None:
        assert told(auth0(), {"email": "ada@example.com", **record})["name"] == name

    def test_an_address_may_be_among_the_identifiers(self) -> None:
        phone = {"type": "phone", "value": "+1"}
        email = {"type": "email", "value": "ada@example.com", "verified": True}
        account = told(auth0(), {"identifiers": [phone, email]})
        assert (account["email"], account["emailVerified"]) == ("ada@example.com", True)


class TestKeycloak:
    def test_a_user_name_may_be_the_address_but_nobody_has_verified_it(self) -> None:
        user = {"username": "ada@example.com", "emailVerified": True, "enabled": True}
        account = told(keycloak(), user)
        assert (account["email"], account["emailVerified"]) == ("ada@example.com", False)

    def test_who_is_not_said_to_be_enabled_is_not(self) -> None:
        assert told(keycloak(), {"email": "ada@example.com"})["status"] == "disabled"

    def test_a_program_is_no_person(self) -> None:
        user = {"username": "service-account-shop", "serviceAccountClientId": "shop"}
        assert keycloak().read(user) is None


class TestDjango:
    def test_a_user_name_may_be_the_address(self) -> None:
        row = {"username": "ada@example.com", "email": "", "password": "!x", "is_active": True}
        account = told(django(grant_admin=False), row)
        assert (account["email"], account["passwordHash"]) == ("ada@example.com", "")
