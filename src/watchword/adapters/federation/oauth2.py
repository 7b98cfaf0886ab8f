"""Plain OAuth 2: there is no ID token, so whoever the access token opens userinfo for, it is.

The token came over TLS from the token endpoint itself, for our code and our verifier. There is no
nonce and no issuer in the callback: a redirect address of its own keeps each provider's answers
apart (RFC 9700 section 4.4.2.2).
"""

from collections.abc import Mapping
from typing import Final

from watchword.adapters.federation.answers import Callback, Start
from watchword.adapters.federation.authorization import ask_for_code, at_address
from watchword.adapters.federation.claims import read_email, read_name
from watchword.adapters.federation.client_secrets import Proof
from watchword.adapters.federation.token_endpoint import exchange
from watchword.adapters.federation.transport import Transport
from watchword.crypto import strict_json
from watchword.domain.accounts import EmailAddress
from watchword.domain.errors import FederationFailed
from watchword.domain.federation import SUBJECT_LENGTH, Identity, OAuthProvider

_EMAILS: Final = "addresses"


class OAuth2:
    """One provider by its three addresses; GitHub has a fourth."""

    def __init__(self, provider: OAuthProvider, transport: Transport) -> None:
        self._provider = provider
        self._transport = transport

    async def begin(self, start: Start) -> str:
        wanted = ask_for_code(self._provider.client_id, self._provider.scopes, start)
        return at_address(self._provider.authorize_url, wanted)

    async def finish(self, callback: Callback) -> Identity:
        provider = self._provider
        secret = provider.client_secret.reveal().decode()
        # In the form: it is what every server of plain OAuth 2 has been found to read.
        proof = Proof({"client_id": provider.client_id, "client_secret": secret}, {})
        tokens = await exchange(self._transport, provider.token_url, callback, proof)
        about = await self._transport.document(
            provider.userinfo_url, "userinfo", bearer=tokens.access_token
        )
        subject, name = _read_subject(about), read_name(about.get("name"))
        if provider.emails_url is None:
            email = read_email(about.get("email"))
            return Identity(provider.issuer, subject, email, email_verified=False, name=name)
        email = await self._find_verified(provider.emails_url, tokens.access_token)
        return Identity(
            provider.issuer, subject, email, email_verified=email is not None, name=name
        )

    async def _find_verified(self, url: str, access_token: str) -> EmailAddress | None:
        """The primary address of GitHub's list, if GitHub has verified it."""
        reply = await self._transport.get(url, _EMAILS, bearer=access_token)
        if not reply.is_ok:
            raise FederationFailed(f"{_EMAILS}: refused")
        for entry in _read_list(reply.body):
            if entry.get("primary") is True and entry.get("verified") is True:
                return read_email(entry.get("email"))
        return None


def _read_subject(about: Mapping[str, object]) -> str:
    """`id`, a number or a text; never a name, which its owner may change and another then take."""
    subject = about.get("id")
    text = str(subject) if type(subject) in {int, str} else ""
    if not 0 < len(text) <= SUBJECT_LENGTH or not (text.isascii() and text.isprintable()):
        raise FederationFailed("userinfo: no subject")
    return text


def _read_list(body: bytes) -> list[dict[str, object]]:
    """A list is put into an object, so that the one strict reader can read it."""
    try:
        entries = strict_json.decode(b'{"entries":' + body + b"}")["entries"]
    except ValueError:
        raise FederationFailed(f"{_EMAILS}: not JSON") from None
    if not isinstance(entries, list):
        raise FederationFailed(f"{_EMAILS}: not a list")
    return [entry for entry in entries if isinstance(entry, dict)]
