"""Bearer tokens and cookies, in and out: who is asking, and what they are given to hold."""

import hmac
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from watchword.crypto.jws import InvalidToken
from watchword.crypto.opaque import from_text, to_text
from watchword.domain.devices import DEVICE_LIFETIME
from watchword.domain.errors import NotFound, TokenInvalid, TokenMissing
from watchword.domain.links import Purpose
from watchword.domain.sessions import Transport
from watchword.domain.standing import Caller
from watchword.flows.access import Access
from watchword.flows.grants import Grant
from watchword.flows.journeys import Departure
from watchword.web.answers import Answer
from watchword.web.cookies import CookieNames
from watchword.web.headers import Headers

_CLEAR_SITE_DATA = (b"clear-site-data", b'"cache", "storage"')


def bearer_token(headers: Headers) -> str | None:
    """RFC 6750 section 2.1, and no other place. Raise `Malformed` when it is sent twice,
    `TokenInvalid` for another scheme.
    """
    header = headers.one(b"authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(b" ")
    if scheme.lower() != b"bearer":
        raise TokenInvalid("Authorization must be a Bearer token.")
    return token.decode("latin-1")


def require_service(headers: Headers, tokens: Sequence[bytes]) -> None:
    """Raise `NotFound` where no service has a token, `TokenMissing`, or `TokenInvalid`."""
    if not tokens:
        raise NotFound("There is nothing at this address.")
    given = bearer_token(headers)
    if given is None:
        raise TokenMissing("This needs the token of a service.")
    presented = given.encode("latin-1")
    matches = [hmac.compare_digest(presented, token) for token in tokens]  # all, as long as one
    if not any(matches):
        raise TokenInvalid


@dataclass(frozen=True, slots=True, repr=False)
class MagicLinkCookie:
    """``binding`` is empty where there is none; ``return_to`` is to be checked before use."""

    binding: str
    return_to: str


@dataclass(frozen=True, slots=True)
class Identity:
    access: Access
    names: CookieNames

    async def resolve(
        self, headers: Headers, cookies: Mapping[bytes, str], *, is_use: bool = True
    ) -> Caller:
        """A bearer token wins over a session cookie; raise `TokenMissing` with neither."""
        token = bearer_token(headers)
        if token is not None:
            return await self.access.by_access_token(token, is_use=is_use)
        cookie = cookies.get(self.names.session.encode())
        if cookie is None:
            raise TokenMissing
        return await self.access.by_session_cookie(cookie, is_use=is_use)

    def hand_out(self, answer: Answer, grant: Grant) -> None:
        """Set the cookies that the grant's transport asks for."""
        transport = grant.session.transport
        if transport is Transport.COOKIE:
            self.hand_out_refresh_cookie(answer, grant)
        elif transport is Transport.SESSION:
            self._set(answer, self.names.session, grant, strict=False)
        if grant.device is not None:
            cookie = self.names.set(
                self.names.device, grant.device, strict=True, lifetime=DEVICE_LIFETIME
            )
            answer.headers.append((b"set-cookie", cookie))

    def hand_out_refresh_cookie(self, answer: Answer, grant: Grant) -> None:
        self._set(answer, self.names.refresh, grant, strict=True)

    def _set(self, answer: Answer, name: str, grant: Grant, *, strict: bool) -> None:
        lifetime = grant.ends_in if grant.session.remembered else None
        cookie = self.names.set(name, grant.held, strict=strict, lifetime=lifetime)
        answer.headers.append((b"set-cookie", cookie))

    def bind_magic_link(self, answer: Answer, binding: str, return_to: str = "") -> None:
        """Lax, for the link is opened from a mail. ``return_to`` stays in the browser that asked,
        and goes into no link: whoever asks in the name of another leads them nowhere (attack O09).
        """
        kept = f"{binding}.{to_text(return_to.encode())}" if return_to else binding
        cookie = self.names.set(
            self.names.magic, kept, strict=False, lifetime=Purpose.MAGIC_LINK.lifetime
        )
        answer.headers.append((b"set-cookie", cookie))

    def magic_link(self, cookies: Mapping[bytes, str]) -> MagicLinkCookie:
        """As the browser has it, which may have it from anybody."""
        binding, _, kept = cookies.get(self.names.magic.encode(), "").partition(".")
        with suppress(InvalidToken, UnicodeDecodeError):
            return MagicLinkCookie(binding, from_text(kept).decode())
        return MagicLinkCookie(binding, "")

    def unbind_magic_link(self, answer: Answer) -> None:
        answer.headers.append((b"set-cookie", self.names.clear(self.names.magic, strict=False)))

    def bind_journey(self, answer: Answer, departure: Departure) -> None:
        """Lax, for the provider sends the browser back; None for one that posts its answer."""
        cookie = self.names.set(
            self.names.federation,
            departure.binding,
            strict=False,
            lifetime=Purpose.FEDERATION.lifetime,
            posts_back=departure.posts_back,
        )
        answer.headers.append((b"set-cookie", cookie))

    def unbind_journey(self, answer: Answer) -> None:
        cookie = self.names.clear(self.names.federation, strict=False)
        answer.headers.append((b"set-cookie", cookie))

    def take_back(self, answer: Answer) -> None:
        """At sign-out only: a refresh that lost a race never clears the winner's cookie (R05).
        The device cookie stays, for it is no sign-in.
        """
        for name, strict in ((self.names.refresh, True), (self.names.session, False)):
            answer.headers.append((b"set-cookie", self.names.clear(name, strict=strict)))
        answer.headers.append(_CLEAR_SITE_DATA)
