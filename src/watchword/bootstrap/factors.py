"""The flows of second factors, each given what it needs."""

import asyncio

from watchword.bootstrap.parts import Ground
from watchword.crypto.totp import qr_code
from watchword.flows.attempts import Failures
from watchword.flows.factor_proof import FactorProof, TotpSecrets
from watchword.flows.factor_reset import FactorReset
from watchword.flows.second_factors import Enrolment, RecoveryCodeMaker, SecondFactors
from watchword.flows.second_step import SecondStep
from watchword.flows.sign_in import SessionOpener
from watchword.web.services import FactorServices


async def _draw(uri: str) -> str:
    return await asyncio.to_thread(qr_code, uri)


def totp_secrets(ground: Ground) -> TotpSecrets:
    return TotpSecrets(ground.secrets.sealer("second factors at rest"), ground.randomness)


def make_factor_services(
    ground: Ground, failures: Failures, opener: SessionOpener
) -> FactorServices:
    store, clock, randomness = ground.store, ground.clock, ground.randomness
    secrets, codes = totp_secrets(ground), RecoveryCodeMaker(randomness)
    proof = FactorProof(
        store, failures, ground.stores.limits, secrets, clock, ground.settings.limit_mfa
    )
    return FactorServices(
        SecondStep(store, proof, opener, clock, randomness),
        Enrolment(
            store,
            proof,
            codes,
            _draw,
            ground.postman,
            clock,
            ground.settings.service_name,
        ),
        SecondFactors(store, proof, codes, opener.devices, ground.postman, clock),
        FactorReset(store, ground.settings.roles, ground.postman, clock),
    )
