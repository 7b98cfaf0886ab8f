"""People with a second factor, without HTTP."""

from dataclasses import dataclass

from pyotp import TOTP

from tests.driving import PASSWORD
from tests.flows.house import ORIGIN, TRACE, House
from watchword.domain.accounts import Account, EmailAddress
from watchword.domain.sessions import Transport
from watchword.domain.standing import Caller
from watchword.domain.time import SECOND
from watchword.flows.factor_proof import AppCode
from watchword.flows.grants import Grant
from watchword.flows.second_step import FactorNeeded
from watchword.flows.sign_in import Arrival

STEP = 30 * SECOND
WRONG = AppCode("no code")
ARRIVAL = Arrival(transport=Transport.BODY, origin=ORIGIN, trace=TRACE)


@dataclass
class Owner:
    """Somebody whose account has a second factor, and the session that turned it on."""

    house: House
    account: Account
    caller: Caller
    secret: str
    recovery_codes: tuple[str, ...]

    def code(self) -> AppCode:
        return AppCode(TOTP(self.secret).at(self.house.clock.now() // SECOND))

    def next_code(self) -> AppCode:
        self.house.clock.advance(STEP)
        return self.code()


async def an_owner(house: House, email: str = "ada@example.com") -> Owner:
    account = await house.register(email)
    grant = await house.sign_in(email)
    caller = await house.enter(grant)
    app = await house.flows.factors.enrolment.begin(caller)
    code = AppCode(TOTP(app.secret).at(house.clock.now() // SECOND))
    codes = await house.flows.factors.enrolment.confirm(caller, code, TRACE)
    return Owner(house, account, await house.enter(grant), app.secret, codes)


async def try_password(
    house: House, code: AppCode | None = None, email: str = "ada@example.com"
) -> Grant | FactorNeeded:
    address = EmailAddress.parse(email)
    return await house.flows.sign_in(address, PASSWORD, ARRIVAL, code=code)
