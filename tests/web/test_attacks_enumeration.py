"""What an answer, a line or a row gives away: not who has an account, not a secret (catalogue E).

Time is not measured here: what is compared is the work that takes it, hash by hash and statement
by statement (E02).
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.driving import PASSWORD, Holder, Server, serving
from tests.web.contract import rows
from tests.web.raw import AS_JSON, Reply, ask, bearer, hashes, statements
from watchword.domain.accounts import EmailAddress, Status
from watchword.domain.time import HOUR, MINUTE
from watchword.ports import RequestTrace

WRONG = "a wrong guess entirely"
REFUSED = (401, "INVALID_CREDENTIALS")
SAME_ID = ("x-request-id", "the-same-for-all")

# Every kind of address that a stranger might want to tell from another.
KNOWN = "known@example.com"
KINDS = (
    KNOWN,
    "unknown@example.com",
    "disabled@example.com",
    "passwordless@example.com",
    "unreadable@example.com",
    "blocked@example.com",
)


async def people(server: Server) -> None:
    """An account of each kind, but for the unknown one."""
    for email in KINDS:
        if email.startswith(("unknown", "passwordless")):
            continue
        await server.register(email)
    registration, store = server.core.services.registration, server.core.store
    bare = registration.new_account(EmailAddress.parse("passwordless@example.com"), "", "user", "")
    async with store.transaction() as unit:
        await unit.accounts.insert(replace(bare, password_hash=None))
        disabled = await unit.accounts.find_by_address(EmailAddress.parse("disabled@example.com"))
        assert disabled is not None
        await unit.accounts.change_status(disabled.id, Status.DISABLED)
        for name, stored in {"unreadable": "$argon2id$nonsense", "blocked": ""}.items():
            address = EmailAddress.parse(f"{name}@example.com")
            account = await unit.accounts.find_by_address(address)
            assert account is not None
            assert account.password_hash is not None
            if stored:
                await unit.accounts.replace_password(
                    account.id, stored, instead_of=account.password_hash
                )
    await _fail_a_hundred_times(server, "blocked@example.com")


async def _fail_a_hundred_times(server: Server, email: str) -> None:
    account = await server.core.store.reading.accounts.find_by_address(EmailAddress.parse(email))
    assert account is not None
    policy = server.core.settings.lockout_policy
    assert policy is not None
    for _ in range(20):
        for _ in range(5):
            await server.core.store.lockouts.begin(
                f"account:{account.id}", policy, now=server.clock.now()
            )
        server.clock.advance(HOUR)


async def login(
    server: Server,
    email: str,
    password: str = WRONG,
    *,
    headers: Sequence[tuple[str, str]] = (),
    ip: str = "198.51.100.7",
    transport: str = "cookie",
) -> Reply:
    body = json.dumps({"email": email, "password": password, "transport": transport}).encode()
    sent = [AS_JSON, SAME_ID, *headers]
    return await ask(server, "POST", "/auth/login", headers=sent, body=body, ip=ip)


class TestWhoHasAnAccount:
    async def test_e01_a_wrong_sign_in_looks_the_same_byte_by_byte(self, server: Server) -> None:
        await people(server)
        for transport in ("cookie", "body", "session"):
            answers = {
                email: await login(server, email, ip=f"203.0.113.{number}", transport=transport)
                for number, email in enumerate(KINDS)
            }
            assert {answer.verdict for answer in answers.values()} == {REFUSED}
            assert len({(a.body, tuple(a.headers)) for a in answers.values()}) == 1
            assert answers[KNOWN].all("set-cookie") == []

    async def test_e01_a_disabled_account_shows_itself_to_the_right_password_alone(
        self, server: Server
    ) -> None:
        await people(server)
        wrong = await login(server, "disabled@example.com")
        assert wrong.verdict == REFUSED
        right = await login(server, "disabled@example.com", PASSWORD)
        assert right.verdict == (403, "ACCOUNT_DISABLED")
        assert right.all("set-cookie") == []

    @pytest.mark.parametrize("with_device", [False, True])
    async def test_e02_a_wrong_sign_in_is_the_same_work_whoever_it_is(
        self, server: Server, with_device: bool
    ) -> None:
        await people(server)
        headers = []
        if with_device:
            browser = await server.sign_in(KNOWN, transport="cookie", ip="203.0.113.77")
            headers = [("cookie", f"device={browser.client.cookies['device']}")]
        await login(server, "first@example.com", ip="203.0.113.99")
        work = {}
        for number, email in enumerate(KINDS):
            before = hashes(server)
            with statements(server) as asked:
                answer = await login(server, email, headers=headers, ip=f"203.0.113.{number}")
            assert answer.verdict == REFUSED
            work[email] = (hashes(server) - before, tuple(asked))
        assert {email: done[0] for email, done in work.items()} == dict.fromkeys(KINDS, 1)
        for email in KINDS:
            assert work[email][1] == work[KNOWN][1], email
        assert len(work[KNOWN][1]) > 3

    async def test_e02_an_address_that_cannot_be_is_refused_for_everybody_alike(
        self, server: Server
    ) -> None:
        """Nothing but the text decides, so the quick answer tells nothing."""
        before = hashes(server)
        with statements(server) as asked:
            assert (await login(server, "not an address")).status == 422
        assert hashes(server) == before
        assert not [sql for sql in asked if "users" in sql or "lockouts" in sql]

    async def test_e06_a_lock_comes_at_the_same_guess_and_for_as_long(self, server: Server) -> None:
        await people(server)
        unspoilt = [email for email in KINDS if not email.startswith("blocked")]
        seen: dict[str, list[Any]] = {email: [] for email in unspoilt}
        for turn in range(14):
            for number, email in enumerate(unspoilt):
                spelt = (email, email.upper(), email.title())[turn % 3]
                answer = await login(server, spelt, ip=f"10.{turn}.{number}.1")
                seen[email].append((answer.verdict, answer.body, tuple(answer.headers)))
            if turn in {6, 12}:
                server.clock.advance(15 * MINUTE)
        for email in unspoilt:
            assert seen[email] == seen[KNOWN], email
        verdicts = [verdict for verdict, _, _ in seen[KNOWN]]
        locked = (429, "TOO_MANY_ATTEMPTS")
        assert verdicts == [*[REFUSED] * 5, *[locked] * 2, *[REFUSED] * 5, *[locked] * 2]

    async def test_e06_the_limit_of_an_address_does_not_look_at_the_account(
        self, server: Server
    ) -> None:
        await people(server)
        for n in range(5):
            await login(server, f"u{n}@example.com")
        answers = {email: await login(server, email) for email in KINDS}
        assert {answer.verdict for answer in answers.values()} == {(429, "RATE_LIMITED")}
        assert len({(a.body, tuple(a.headers)) for a in answers.values()}) == 1

    async def test_e06_what_is_counted_for_a_stranger_names_nobody(self, server: Server) -> None:
        await login(server, "nobody@example.com")
        for table in ("limits", "lockouts", "audit_events"):
            assert "nobody" not in repr(rows(server, f"SELECT * FROM {table}"))


class TestSecrets:
    """ASVS 16.2.5, 14.2.1: canaries through every flow, then a look at everything written down."""

    OTHER = "canary-second-password-9f2c"
    GUESS = "canary-wrong-password-71aa"
    TEXT = "canary-garbage-text-c0ffee"

    async def _each(self, server: Server, holder: Holder) -> None:
        """Requests that carry secrets where they belong, and where they do not."""
        canary = self.TEXT
        login = {"email": "ada@example.com", "password": self.GUESS}
        for body in (
            login,
            {**login, "mfaCode": canary},
            {**login, "unknown": canary},
            {**login, "password": [canary]},
            {**login, "email": f"{canary}@@example.com"},
            {**login, "password": canary * 90},
            {**login, "password": f"{canary}\0"},
        ):
            await holder.client.post("/auth/login", json=body)
            await holder.client.post("/auth/register", json=body)
        await holder.client.post("/auth/register", json={**login, "password": PASSWORD})
        await holder.client.post("/auth/refresh", json={"refreshToken": canary})
        await holder.client.post("/auth/setup", json={**login, "token": canary})
        for path, content in (
            ("/auth/reauthenticate", {"password": self.GUESS}),
            ("/auth/change-password", {"currentPassword": self.GUESS, "newPassword": self.OTHER}),
            ("/auth/change-password", {"currentPassword": PASSWORD, "newPassword": "canary"}),
            ("/auth/reauthenticate", {"password": self.GUESS, "code": canary}),
        ):
            await holder.post(path, json=content)
        for headers in (
            [("authorization", f"Basic {canary}")],
            [bearer(canary)],
            [bearer(holder.access), bearer(canary)],
            [("cookie", f"session={canary}; refreshToken={canary}; device={canary}")],
            [("cookie", f"session={canary}; session={canary}")],
            [("x-csrf-token", canary)],
        ):
            for method, path in (("GET", "/profile"), ("POST", "/auth/refresh"), ("GET", "/nope")):
                query = f"token={canary}&access_token={holder.access}".encode()
                await ask(server, method, path, headers=[AS_JSON, *headers], query=query)
        raw = f'{{"email": "{canary}", "password": "{self.GUESS}"'.encode()
        await ask(server, "POST", "/auth/login", headers=[AS_JSON], body=raw)

    async def test_no_secret_is_in_a_log_line_an_event_a_refusal_or_the_database(
        self, tmp_path: Path
    ) -> None:
        refusals: list[str] = []
        async with serving(
            tmp_path, limit_auth=None, limit_sign_in=None, lockout_policy=None
        ) as server:
            services = server.core.services
            token = await services.setup.make_link(RequestTrace())
            made = await server.client().post(
                "/auth/setup",
                json={"token": token, "email": "root@example.com", "password": PASSWORD},
            )
            assert made.status_code == 200
            await server.register()
            secrets = {token, PASSWORD, self.OTHER, self.GUESS, self.TEXT}
            for transport in ("body", "cookie", "session"):
                holder = await server.sign_in(transport=transport)
                holder.client.event_hooks["response"] = [_keep_refusals(refusals)]
                secrets |= {value for value in holder.client.cookies.values() if value}
                secrets |= {text for text in (holder.access, holder.refresh_token) if text}
                if transport == "session":
                    secrets.add((await holder.get("/auth/csrf")).json()["csrfToken"])
                await self._each(server, holder)
                if transport == "body":
                    first = holder.refresh_token
                    assert (await holder.refresh()).status_code == 200
                    secrets |= {holder.access, holder.refresh_token}
                    server.clock.advance(MINUTE)
                    assert (await holder.refresh(first)).status_code == 401
                await holder.post("/auth/logout", json={"refreshToken": holder.refresh_token})
            holder = await server.sign_in()
            changed = await holder.post(
                "/auth/change-password",
                json={"currentPassword": PASSWORD, "newPassword": self.OTHER},
            )
            assert changed.status_code == 200
            lines = "\n".join(f"{event} {fields!r}" for event, fields in server.log.events)
            written = repr(rows(server, "SELECT * FROM audit_events"))
            answers = "\n".join(refusals)
            assert min(len(server.log.events), len(refusals)) > 50
        files = _bytes_below(tmp_path)
        for secret in secrets:
            for sink, text in {"log": lines, "audit": written, "refusals": answers}.items():
                assert _core_of(secret) not in text, (sink, secret)
            assert _core_of(secret).encode() not in files, secret

    async def test_no_answer_shows_a_hash_or_a_token_that_it_does_not_hand_out(
        self, server: Server
    ) -> None:
        await server.register_admin()
        admin = await server.sign_in("root@example.com")
        await server.register()
        user = admin.answer["user"]["id"]
        for path in ("/profile", "/sessions", "/users", f"/users/{user}", "/audit"):
            text = (await admin.get(path)).text
            for secret in ("argon2", "salt", "hash", admin.access, admin.refresh_token):
                assert secret not in text, (path, secret)


def _bytes_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def _core_of(secret: str) -> str:
    """Of a token the part that nobody else knows; its beginning is an id, which may be written."""
    return secret.rpartition(".")[2]


def _keep_refusals(refusals: list[str]) -> Any:
    async def keep(answer: Any) -> None:
        if answer.status_code >= 400:
            await answer.aread()
            refusals.append(f"{answer.text} {dict(answer.headers)}")

    return keep
