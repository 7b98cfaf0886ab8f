"""Commands are run as an operator runs them: in a folder of their own, with an environment."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from click.testing import CliRunner

from watchword.bootstrap import Core
from watchword.cli import watchword
from watchword.cli.running import run
from watchword.domain.accounts import Account, EmailAddress
from watchword.domain.devices import Origin
from watchword.domain.risk import NOTHING
from watchword.domain.roles import USER
from watchword.domain.sessions import Session, Transport
from watchword.flows.sign_in import Arrival
from watchword.ports import RequestTrace

Result = TypeVar("Result")
HASH = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$" + "A" * 43


@dataclass(frozen=True)
class Said:
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Operator:
    """Somebody at a terminal in ``folder``, who can also look behind the command line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *words: str, stdin: str | None = None, code: int = 0) -> Said:
        result = CliRunner().invoke(watchword, words, input=stdin, prog_name="watchword")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return Said(result.stdout, result.stderr)

    def refused(self, *words: str, stdin: str | None = None, code: int = 1) -> str:
        """What a command says that does not do what was asked: one sentence, and nothing else."""
        said = self(*words, stdin=stdin, code=code)
        assert said.out == ""
        return said.err.split("Error: ", 1)[1].strip()

    def do(self, work: Callable[[Core], Awaitable[Result]]) -> Result:
        return run(work)

    def add_account(self, email: str, *, role: str = USER, name: str = "") -> Account:
        async def work(core: Core) -> Account:
            address = EmailAddress.parse(email)
            account = core.services.registration.new_account(address, name, role, HASH)
            async with core.store.transaction() as unit:
                await unit.accounts.insert(account)
            return account

        return self.do(work)

    def add_session(self, account: Account, user_agent: str = "Browser/1.0") -> str:
        """The id of a new session."""
        origin = Origin("192.0.2.1", user_agent)
        arrival = Arrival(transport=Transport.BODY, origin=origin, trace=RequestTrace())

        async def work(core: Core) -> str:
            await core.prepare()
            opener = core.services.setup.opener
            async with core.store.transaction() as unit:
                grant = await opener.open(
                    unit, account, arrival, amr=("pwd",), proven=HASH, judged=NOTHING
                )
            return grant.session.id

        return self.do(work)

    def account(self, email: str) -> Account | None:
        async def work(core: Core) -> Account | None:
            return await core.store.reading.accounts.find_by_address(EmailAddress.parse(email))

        return self.do(work)

    def live_sessions(self, account: Account) -> list[Session]:
        async def work(core: Core) -> list[Session]:
            return list(await core.services.sessions.list_live(account.id))

        return self.do(work)

    def events(self, *words: str) -> list[dict[str, Any]]:
        """What the audit log tells, newest first."""
        return [json.loads(line) for line in self("audit", "export", *words).lines]


@pytest.fixture
def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    monkeypatch.chdir(tmp_path)
    return Operator(tmp_path)
