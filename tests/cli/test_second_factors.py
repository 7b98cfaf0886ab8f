"""What an operator does for somebody who has lost their second factor."""

from tests.cli.conftest import Operator
from watchword.bootstrap import Core
from watchword.domain.factors import Totp
from watchword.domain.sessions import Session


class TestASecondFactor:
    def turn_on(self, operator: Operator) -> None:
        ada = operator.add_account("ada@example.com")
        operator.add_session(ada)
        (session,) = operator.live_sessions(ada)
        totp = Totp(user_id=ada.id, sealed_secret=b"sealed", last_step=0, created_at=1)

        async def work(core: Core, shown_in: Session = session) -> None:
            async with core.store.transaction() as unit:
                await unit.totp.propose(totp)
                await unit.totp.confirm(totp, step=1, now=2, shown_in=shown_in)

        operator.do(work)

    def test_is_removed_and_its_owner_is_told(self, operator: Operator) -> None:
        self.turn_on(operator)
        ada = operator.account("ada@example.com")
        assert ada is not None
        assert ada.mfa_enabled
        said = operator("users", "reset-mfa", "ada@example.com")
        assert said.out == "ada@example.com has no second factor any more.\n"
        ada = operator.account("ada@example.com")
        assert ada is not None
        assert not ada.mfa_enabled
        (event, *_) = operator.events()
        assert (event["type"], event["details"]) == (
            "credential.mfa_disabled",
            {"reason": "operator"},
        )

        async def waiting(core: Core) -> int:
            return await core.store.reading.outbox.count()

        assert operator.do(waiting) > 0

    def test_that_is_not_there_cannot_be_removed(self, operator: Operator) -> None:
        operator.add_account("ada@example.com")
        refused = operator.refused("users", "reset-mfa", "ada@example.com")
        assert refused == "This account has no second factor."
