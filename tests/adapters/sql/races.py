"""What two nodes on one database must agree on; a class of tests for each database there is."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from watchword.domain.accounts import Account, Status
from watchword.domain.attempts import LockoutPolicy
from watchword.domain.errors import (
    AccountDisabled,
    Conflict,
    InvalidCredentials,
    LastAdmin,
    LinkInvalid,
    TooManyAttempts,
)
from watchword.domain.factors import Passkey
from watchword.domain.identities import LinkedIdentity
from watchword.domain.letters import Letter, Reason
from watchword.domain.links import Link, Purpose
from watchword.domain.roles import ADMIN, USER
from watchword.domain.sessions import EndReason
from watchword.domain.time import HOUR, MINUTE
from watchword.ports import AccountQuery, Allowance, PageRequest, StoredKey, Unit
from watchword.testing.conformance.ground import (
    HASH,
    NOW,
    ConformingStore,
    a_session,
    alone,
    an_account,
    an_admin,
    at_once,
    given,
    given_session,
    rotated,
)

ADA = an_account()
SESSION = a_session(ADA)
Both = tuple[ConformingStore, ConformingStore]


class Races:
    """Derive from it beside a fixture ``both``, with `SESSION` of `ADA` in it."""

    async def test_r02_a_generation_is_rotated_by_one(self, both: Both) -> None:
        rotations = (rotated(store, SESSION, now=NOW) for store in both * 10)
        returned, raised = await at_once(*rotations)
        assert raised == []
        assert returned.count(True) == 1

    async def test_a04_two_administrators_cannot_demote_each_other(self, both: Both) -> None:
        people = [an_admin("grace"), an_admin("other")]
        await given(both[0], *people)

        async def demote(store: ConformingStore, account_id: str) -> None:
            async with store.transaction() as unit:
                await unit.accounts.change_role(account_id, USER)

        _, raised = await at_once(demote(both[0], "u-grace"), demote(both[1], "u-other"))
        assert [type(error) for error in raised] == [LastAdmin]

    async def test_s12_sign_ins_stay_within_the_limit(self, both: Both) -> None:
        async def sign_in(number: int) -> None:
            async with both[number % 2].transaction() as unit:
                session = a_session(ADA, number)
                await unit.sessions.open(session, limit=5, evicts=True, proven=HASH)

        _, raised = await at_once(*(sign_in(number) for number in range(2, 22)))
        assert raised == []
        assert len(await both[0].reading.sessions.list_live(ADA.id, NOW)) == 5

    async def test_b04_attempts_stay_within_the_limit(self, both: Both) -> None:
        policy = LockoutPolicy(5, MINUTE)
        begun, refused = await at_once(
            *(store.lockouts.begin("account:u-ada", policy, now=NOW) for store in both * 50)
        )
        assert len(begun) == 5
        assert {type(error) for error in refused} == {TooManyAttempts}

    async def test_b04_hits_are_all_counted(self, both: Both) -> None:
        hits = (store.limits.hit("k", Allowance(5, HOUR), now=NOW) for store in both * 50)
        returned, raised = await at_once(*hits)
        assert raised == []
        assert len([tally for tally in returned if not tally.is_over]) == 5

    async def test_p01_a_link_is_used_by_one(self, both: Both) -> None:
        link = Link(b"l" * 32, Purpose.SETUP, None, NOW, NOW + 1)
        await alone(both[0], lambda u: u.links.insert(link))

        async def consume(store: ConformingStore) -> Link | None:
            async with store.transaction() as unit:
                return await unit.links.consume(link.token_hash, link.purpose, now=NOW)

        returned, raised = await at_once(*(consume(store) for store in both * 25))
        assert raised == []
        assert [used for used in returned if used is not None] == [link]

    async def test_p01_a_link_that_is_still_good_is_of_an_account_as_it_was(
        self, both: Both
    ) -> None:
        """Whoever looks at it while it is redeemed must not compare with the new password."""
        link = replace(a_link(1), purpose=Purpose.RESET_PASSWORD)
        await alone(both[0], lambda u: u.links.insert(link))

        async def look(store: ConformingStore) -> str | None:
            async with store.transaction() as unit:
                await unit.links.require_live(link.token_hash, link.purpose, now=NOW)
                account = await unit.accounts.find(ADA.id)
                assert account is not None
                return account.password_hash

        async def redeem() -> None:
            async with both[1].transaction() as unit:
                assert await unit.links.consume(link.token_hash, link.purpose, now=NOW)
                await unit.ownership.set_password(ADA.id, "new")

        looks = [look(store) for store in both * 6]
        seen, raised = await at_once(*looks[:2], redeem(), *looks[2:])
        assert {type(error) for error in raised} <= {LinkInvalid}
        assert set(seen) <= {None, HASH}

    async def test_an_address_is_taken_by_one(self, both: Both) -> None:
        returned, raised = await at_once(*(given(store, an_account("bob")) for store in both))
        assert len(returned) == 1
        assert [type(error) for error in raised] == [Conflict]

    async def test_r09_who_signs_in_while_disabled_is_left_without_a_session(
        self, both: Both
    ) -> None:
        one, other = both

        async def disable() -> None:
            async with other.transaction() as unit:
                await unit.accounts.change_status(ADA.id, Status.DISABLED)
                await unit.sessions.end_all(ADA.id, EndReason.DISABLED, now=NOW)

        async def sign_in(number: int) -> None:
            async with one.transaction() as unit:
                session = a_session(ADA, number)
                await unit.sessions.open(session, limit=50, evicts=True, proven=HASH)

        sign_ins = [sign_in(number) for number in range(2, 22)]
        _, raised = await at_once(*sign_ins[:10], disable(), *sign_ins[10:])
        assert {type(error) for error in raised} <= {AccountDisabled}
        assert await one.reading.sessions.list_live(ADA.id, NOW) == []

    async def test_r09_who_signs_in_by_a_password_that_is_changed_has_it_or_no_session(
        self, both: Both
    ) -> None:
        one, other = both

        async def change_password() -> None:
            async with other.transaction() as unit:
                assert await unit.accounts.replace_password(ADA.id, "new", instead_of=HASH)
                await unit.sessions.end_all(ADA.id, EndReason.PASSWORD_CHANGED, now=NOW)

        async def sign_in(number: int) -> None:
            async with one.transaction() as unit:
                session = a_session(ADA, number)
                await unit.sessions.open(session, limit=50, evicts=True, proven=HASH)

        sign_ins = [sign_in(number) for number in range(2, 22)]
        _, raised = await at_once(*sign_ins[:10], change_password(), *sign_ins[10:])
        assert {type(error) for error in raised} <= {InvalidCredentials}
        assert await one.reading.sessions.list_live(ADA.id, NOW) == []

    async def test_w09_of_two_last_ways_in_one_is_left(self, both: Both) -> None:
        passkeys = [a_passkey(ADA, number) for number in (1, 2)]
        async with both[0].transaction() as unit:
            for passkey in passkeys:
                await unit.passkeys.insert(passkey)

        async def remove(store: ConformingStore, passkey: Passkey) -> None:
            async with store.transaction() as unit:
                if len(await unit.passkeys.list_of(ADA.id)) > 1:
                    await unit.passkeys.remove(ADA.id, passkey.id)

        _, raised = await at_once(*(remove(*pair) for pair in zip(both, passkeys, strict=True)))
        assert raised == []
        assert len(await both[0].reading.passkeys.list_of(ADA.id)) == 1

    async def test_o08_an_identity_is_proven_or_goes_with_the_proof_of_its_address(
        self, both: Both
    ) -> None:
        """Whoever plants one just then has read the account before or after, and not in between."""
        one, other = both
        eve = replace(an_account("eve"), email_verified=False)
        session = a_session(eve)
        await given(one, eve)
        await given_session(one, session)

        async def plant() -> None:
            async with one.transaction() as unit:
                standing = await unit.sessions.find(session.id)
                assert standing is not None
                identity = an_identity(eve, proven=standing.account.email_verified)
                await unit.identities.link(identity)

        async def prove() -> None:
            async with other.transaction() as unit:
                await unit.ownership.verify_address(eve.id, eve.email)
                await unit.identities.unlink_unproven(eve.id)

        _, raised = await at_once(plant(), prove())
        assert raised == []
        left = await one.reading.identities.list_of(eve.id)
        assert [identity.address_proven for identity in left] in ([], [True])

    async def test_a_first_administrator_is_made_by_one(self, both: Both) -> None:
        async def set_up(store: ConformingStore, name: str) -> None:
            async with store.transaction() as unit:
                if not await unit.administrators.has_any():
                    await unit.accounts.insert(an_admin(name))

        _, raised = await at_once(*(set_up(both[n % 2], f"admin{n}") for n in range(10)))
        assert raised == []
        found = await both[0].reading.directory.list_accounts(
            AccountQuery(role=ADMIN), PageRequest(50)
        )
        assert len(found.rows) == 1

    async def test_a_first_signing_key_is_made_by_one(self, both: Both) -> None:
        async def prepare(store: ConformingStore, kid: str) -> None:
            async with store.transaction() as unit:
                if not await unit.keys.list_keys():
                    await unit.keys.insert(StoredKey(kid, "EdDSA", b"sealed", NOW, None, None))

        _, raised = await at_once(*(prepare(both[n % 2], f"k{n}") for n in range(10)))
        assert raised == []
        assert len(await both[0].reading.keys.list_keys()) == 1

    async def test_letters_are_claimed_by_one(self, both: Both) -> None:
        async with both[0].transaction() as unit:
            for number in range(20):
                await unit.outbox.put(a_letter(number), due=NOW)

        async def claim(store: ConformingStore) -> Sequence[Letter]:
            async with store.transaction() as unit:
                return await unit.outbox.claim(now=NOW, lease=MINUTE, at_most=4)

        claimed, raised = await at_once(*(claim(store) for store in both * 5))
        assert raised == []
        ids = [letter.id for letters in claimed for letter in letters]
        assert len(ids) == len(set(ids))
        assert all(len(letters) <= 4 for letters in claimed)

    async def test_nobody_waits_for_somebody_who_waits_for_them(self, both: Both) -> None:
        """Everything at once that touches one person from several sides."""
        sessions = [a_session(ADA, number) for number in range(2, 8)]
        for session in sessions:
            await given_session(both[0], session)
        async with both[0].transaction() as unit:
            for number in range(10):
                await unit.links.insert(a_link(number))
        ids = [session.id for session in sessions]
        verbs: list[Callable[[Unit], Awaitable[object]]] = [
            lambda u: u.sessions.end_all(ADA.id, EndReason.REVOKED, now=NOW),
            lambda u: u.sessions.touch([(each, NOW + 1) for each in ids]),
            lambda u: u.sessions.touch([(each, NOW + 2) for each in reversed(ids)]),
            lambda u: u.links.consume(bytes([3]) * 32, Purpose.FEDERATION, now=NOW),
            lambda u: u.links.discard(ADA.id),
            lambda u: u.recovery_codes.replace(ADA.id, [b"a", b"b"]),
            lambda u: u.totp.remove(ADA.id),
            lambda u: u.accounts.rename(ADA.id, "New"),
        ]

        async def both_ways(store: ConformingStore, number: int) -> None:
            """As a sign-in does: it ends what it replaces, then makes room."""
            async with store.transaction() as unit:
                await unit.sessions.end(ids[number % 6], EndReason.REPLACED, now=NOW)
                session = a_session(ADA, 100 + number)
                await unit.sessions.open(session, limit=2, evicts=True, proven=None)

        async def redeem(store: ConformingStore, number: int) -> None:
            """As a link to reset does: it is used up, then the account is changed."""
            async with store.transaction() as unit:
                token = bytes([number]) * 32
                await unit.links.consume(token, Purpose.FEDERATION, now=NOW)
                await unit.ownership.set_password(ADA.id, "new")
                await unit.links.discard(ADA.id)
                await unit.sessions.end_all(ADA.id, EndReason.PASSWORD_RESET, now=NOW)

        _, raised = await at_once(
            *(alone(store, verb) for store in both for verb in verbs),
            *(both_ways(both[number % 2], number) for number in range(12)),
            *(redeem(both[number % 2], number) for number in range(10)),
            *(rotated(store, session) for store in both for session in sessions),
        )
        assert raised == []


def a_passkey(account: Account, number: int) -> Passkey:
    return Passkey(
        id=f"p-{number}",
        user_id=account.id,
        name="Key",
        credential_id=bytes([number]) * 16,
        public_key=b"public",
        sign_count=0,
        aaguid="",
        transports=(),
        backup_eligible=False,
        backed_up=False,
        created_at=NOW,
    )


def an_identity(account: Account, *, proven: bool) -> LinkedIdentity:
    return LinkedIdentity(
        issuer="https://provider.example",
        subject="1",
        user_id=account.id,
        provider="provider",
        address="",
        address_proven=proven,
        created_at=NOW,
        last_used_at=NOW,
    )


def a_link(number: int) -> Link:
    """Of a purpose of which one user may have several."""
    return Link(bytes([number]) * 32, Purpose.FEDERATION, ADA.id, NOW, NOW + HOUR)


def a_letter(number: int) -> Letter:
    return Letter(
        id=f"l-{number:03}",
        reason=Reason.NEW_DEVICE,
        address=ADA.email.text,
        user_id=None,
        ip="",
        user_agent="",
        detail="",
        created_at=NOW,
    )
