"""The flows that lead to other identity providers and back."""

from watchword.bootstrap.parts import Ground
from watchword.crypto.federation_starts import SealedStarts
from watchword.flows.federation import FederatedSignIn, Federation
from watchword.flows.identities import LinkedIdentities
from watchword.flows.journeys import Journeys
from watchword.flows.registration import Registration
from watchword.flows.second_step import SecondStep


def make_federation(ground: Ground, registration: Registration, second: SecondStep) -> Federation:
    settings, store, clock = ground.settings, ground.store, ground.clock
    journeys = Journeys(
        store,
        ground.providers,
        SealedStarts(ground.secrets.sealer("sign-ins at providers")),
        clock,
        ground.randomness,
        settings.public_url,
    )
    identities = LinkedIdentities(
        store, journeys, ground.postman, clock, settings.session_policy.step_up_ttl
    )
    sign_in = FederatedSignIn(
        store,
        identities,
        registration,
        second,
        ground.postman,
        clock,
        ground.meter,
        settings.needs_verified_email,
    )
    return Federation(journeys, sign_in, identities)
