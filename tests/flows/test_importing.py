"""Who moves in keeps their password; who lives here already is left alone."""

from typing import Any

import pytest

from tests.driving import PASSWORD
from tests.flows.house import TRACE, House
from watchword.adapters.argon2 import is_supported
from watchword.domain.accounts import EmailAddress, Status
from watchword.domain.errors import AccountDisabled, Invalid, InvalidCredentials
from watchword.flows.importing import Importing, Newcomer
from watchword.ports import AuditQuery, PageRequest

# bcrypt of PASSWORD with the least cost there is.
BCRYPT = "$2b$04$.XMBi8kFErfkUAtjnEoVB.71mArvpsft6MXF.nm9.2T499lEiig8G"


@pytest.fixture
def importing(house: House) -> Importing:
    return Importing(
        store=house.store,
        roles=house.ground.settings.roles,
        can_verify=is_supported,
        clock=house.clock,
        randomness=house.ground.randomness,
    )


class TestARecord:
    def test_needs_an_address_alone(self, importing: Importing) -> None:
        assert importing.check({"email": "Ada@Example.com"}) == Newcomer(
            email=EmailAddress("Ada@example.com", "ada@example.com"),
            name="",
            role="user",
            status=Status.ACTIVE,
            password_hash=None,
            email_verified=False,
        )

    def test_may_have_what_an_export_has(self, importing: Importing) -> None:
        exported = {"id": "1", "createdAt": "2026-11-20T12:00:00Z", "mfaEnabled": True}
        plain = importing.check({"email": "ada@example.com"})
        assert importing.check({"email": "ada@example.com", **exported}) == plain

    @pytest.mark.parametrize(
        ("record", "field"),
        [
            ({}, "email"),
            ({"email": None}, "email"),
            ({"email": 1}, "email"),
            ({"email": "ada@example.com", "role": "king"}, "role"),
            ({"email": "ada@example.com", "status": "asleep"}, "status"),
            ({"email": "ada@example.com", "emailVerified": "true"}, "emailVerified"),
            ({"email": "ada@example.com", "emailVerified": 1}, "emailVerified"),
            ({"email": "ada@example.com", "passwordHash": "5f4dcc3b5aa7"}, "passwordHash"),
            ({"email": "ada@example.com", "passwordHash": ["x"]}, "passwordHash"),
            ({"email": "ada@example.com", "isAdmin": True}, "isAdmin"),
        ],
    )
    def test_that_is_not_fit_is_refused_by_its_field(
        self, importing: Importing, record: dict[str, Any], field: str
    ) -> None:
        with pytest.raises(Invalid) as caught:
            importing.check(record)
        assert [error.field for error in caught.value.errors] == [field]

    def test_shows_its_hash_to_nobody(self, importing: Importing) -> None:
        record = {"email": "ada@example.com", "passwordHash": BCRYPT}
        assert BCRYPT not in repr(importing.check(record))


class TestNewcomers:
    async def test_sign_in_with_the_password_that_they_have(
        self, house: House, importing: Importing
    ) -> None:
        newcomer = importing.check({"email": "ada@example.com", "passwordHash": BCRYPT})
        await importing.add([newcomer], TRACE)
        grant = await house.sign_in(password=PASSWORD)
        assert grant.account.email.text == "ada@example.com"

    async def test_without_a_password_or_disabled_do_not(
        self, house: House, importing: Importing
    ) -> None:
        records = (
            {"email": "ada@example.com"},
            {"email": "bob@example.com", "passwordHash": BCRYPT, "status": "disabled"},
        )
        await importing.add([importing.check(record) for record in records], TRACE)
        with pytest.raises(InvalidCredentials):
            await house.sign_in()
        with pytest.raises(AccountDisabled):
            await house.sign_in("bob@example.com")

    async def test_change_nobody_who_is_there_and_come_once(
        self, house: House, importing: Importing
    ) -> None:
        ada = await house.register()
        emails = ("ADA@example.com", "bob@example.com", "Bob@example.com")
        newcomers = [importing.check({"email": email, "role": "admin"}) for email in emails]
        assert len((await importing.rehearse(newcomers)).imported) == 2
        added = await importing.add(newcomers, TRACE)
        assert (added.imported, added.existing) == (newcomers[1:2], [newcomers[0], newcomers[2]])
        assert await house.store.reading.accounts.find(ada.id) == ada
        events = await house.store.reading.audit.list_events(
            AuditQuery(type="account.imported"), PageRequest(10)
        )
        assert [event.subject for event in events.rows] == [added.last]
