"""Whose passkeys they are, and the library that verifies them, as the settings say."""

import asyncio

from watchword.bootstrap.parts import Ground
from watchword.crypto import ceremonies
from watchword.crypto.passkeys import RelyingParty, Requirement
from watchword.flows.challenges import Challenges
from watchword.flows.passkey_sign_in import PasskeySignIn
from watchword.flows.passkeys import OwnPasskeys, PasskeyRegistration
from watchword.flows.sign_in import SessionOpener
from watchword.settings import Settings
from watchword.web.services import Passkeys


class Library:
    """Imported on a thread when the first passkey comes, and before that not at all: most servers
    start without one.
    """

    def __init__(self) -> None:
        self._is_here = False

    async def __call__(self) -> None:
        if not self._is_here:
            await asyncio.to_thread(ceremonies.warm)
            self._is_here = True


def make_relying_party(settings: Settings) -> RelyingParty:
    """The host of the public URL. The pages that may call the API may ask for its passkeys, if
    browsers let them: on that host, or below it.
    """
    required = settings.is_strict
    return RelyingParty.at(
        settings.public_url,
        settings.service_name,
        origins=settings.cors_origins,
        user_verification=Requirement.REQUIRED if required else Requirement.PREFERRED,
    )


def make_passkeys(ground: Ground, opener: SessionOpener) -> Passkeys:
    settings, store, clock = ground.settings, ground.store, ground.clock
    challenges = Challenges(store, clock, ground.randomness)
    party, library, postman = make_relying_party(settings), Library(), ground.postman
    return Passkeys(
        registration=PasskeyRegistration(
            store, challenges, party, postman, clock, ground.randomness, library
        ),
        sign_in=PasskeySignIn(
            store,
            challenges,
            party,
            opener,
            clock,
            ground.meter,
            settings.needs_verified_email,
            library,
        ),
        own=OwnPasskeys(store, ground.providers, postman, clock),
    )
