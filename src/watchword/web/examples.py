"""Examples for the API reference, made of the shapes themselves: they cannot go stale.

Invariant: no token, key or password in here is one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from watchword.domain.errors import FieldError, Invalid, Refusal, TokenExpired
from watchword.domain.sessions import Transport
from watchword.web import inputs as i
from watchword.web import passkey_shapes as p
from watchword.web import shapes as s
from watchword.web.answers import encode
from watchword.web.errors import Problem, problem
from watchword.web.reference import Json

_EMAIL: Final = "ada@example.com"
_PASSWORD: Final = "marble otter lantern quay"
_ACCESS: Final = "eyJhbGciOiJFZERTQSIs…"
_REFRESH: Final = "wwr_AZrX9k…"
_REQUEST: Final = "7f3a91c20000002a"

_USER = s.UserShape(
    id="019ab3c45d6e7f8091a2b3c4d5e6f708",
    email=_EMAIL,
    name="Ada",
    role="user",
    email_verified=True,
    mfa_enabled=False,
    created_at="2026-11-02T09:30:00Z",
)
_MANAGED = s.ManagedUserShape(**msgspec.structs.asdict(_USER), status="active")
_SESSION = s.SessionShape(
    id="019ab3c9e0f142a3b4c5d6e7f8091a2b",
    created_at="2026-11-20T12:00:00Z",
    last_seen_at="2026-11-20T12:00:00Z",
    expires_at="2026-12-20T12:00:00Z",
    idle_expires_at="2026-12-04T12:00:00Z",
    ip="203.0.113.7",
    user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    device=s.DeviceShape("Firefox 140", "Linux", "desktop"),
    location=s.LocationShape("Germany", "Berlin"),
    current=True,
    amr=("pwd",),
)

_IDENTITY = s.IdentityShape(
    id="Zl9kq0cYw3n5…",
    provider="google",
    email=_EMAIL,
    created_at="2026-11-02T09:30:00Z",
    last_used_at="2026-11-20T12:00:00Z",
)


def problem_of(refusal: Refusal) -> Problem:
    return msgspec.json.decode(problem(refusal, _REQUEST).body, type=Problem)


@dataclass(frozen=True, slots=True)
class Example:
    """``name`` is unique among all examples."""

    name: str
    content: msgspec.Struct

    def plain(self) -> Json:
        """As a client writes it: fields that are at their default are left out."""
        content: Json = msgspec.json.decode(encode(self.content))
        fields = msgspec.structs.fields(type(self.content))
        defaults = {field.encode_name: field.default for field in fields if not field.required}
        return {
            name: value
            for name, value in content.items()
            if name not in defaults or value != defaults[name]
        }


_LINK = "Q2hvb3NlIG9u…"

_CODE = "123456"
_RECOVERY_CODE = "0A1B-2C3D-…"
_NEW_APP = s.NewAppAnswer(
    secret="MFRGGZDF…",
    otpauth_url="otpauth://totp/…",
    qr_code="data:image/png;base64,…",
)
_SIGNED_IN = s.GrantAnswer(
    "You are signed in.",
    user=_USER,
    session=_SESSION,
    access_token=_ACCESS,
    token_type="Bearer",
    expires_in=300,
    refresh_token=_REFRESH,
)
_REFRESHED = s.GrantAnswer(
    "The session goes on.",
    access_token=_ACCESS,
    token_type="Bearer",
    expires_in=300,
    refresh_token=_REFRESH,
)

_CREDENTIAL_ID: Final = "AZrX9kq3…"
_CREDENTIAL: Final = {"id": _CREDENTIAL_ID, "response": {"clientDataJSON": "eyJ0eXBlIjoi…"}}
_CREATION: Final = p.CreationOptionsAnswer(
    rp={"id": "example.com", "name": "Acme"},
    user={"id": "MDE5YWIz…", "name": _EMAIL, "displayName": "Ada"},
    challenge=_LINK,
    pub_key_cred_params=[{"type": "public-key", "alg": -7}],
    timeout=300_000,
    exclude_credentials=[],
    authenticator_selection={"residentKey": "required", "userVerification": "preferred"},
    attestation="none",
)
_PASSKEY: Final = p.PasskeyShape(
    id="019ab3d01f4e7a6b8c9d0e1f2a3b4c5d",
    credential_id=_CREDENTIAL_ID,
    name="Phone",
    created_at="2026-11-20T12:00:00Z",
    last_used_at=None,
    synced=True,
    transports=("hybrid", "internal"),
)

_ALL: Final = (
    Example("register", i.RegisterBody(email=_EMAIL, password=_PASSWORD, name="Ada")),
    Example(
        "signInFromApp",
        i.LoginBody(email=_EMAIL, password=_PASSWORD, transport=Transport.BODY),
    ),
    Example("signInFromBrowser", i.LoginBody(email=_EMAIL, password=_PASSWORD)),
    Example("completeSignIn", i.MfaCompleteBody(mfa_token=_LINK, code=_CODE)),
    Example("confirmApp", i.MfaCodeBody(code=_CODE)),
    Example("turnOff", i.MfaDisableBody(recovery_code=_RECOVERY_CODE)),
    Example("setUp", i.SetupBody(token=_LINK, email=_EMAIL, password=_PASSWORD)),
    Example("refreshToken", i.RefreshBody(refresh_token=_REFRESH)),
    Example("reauthenticate", i.ReauthenticateBody(password=_PASSWORD)),
    Example(
        "changePassword",
        i.ChangePasswordBody(current_password=_PASSWORD, new_password="violet heron paper kiln"),
    ),
    Example("byMail", i.EmailBody(email=_EMAIL)),
    Example("link", i.TokenBody(token=_LINK)),
    Example(
        "resetPassword", i.ResetPasswordBody(token=_LINK, new_password="violet heron paper kiln")
    ),
    Example("changeEmail", i.ChangeEmailBody(new_email="ada@example.org")),
    Example("askForMagicLink", i.MagicLinkBody(email=_EMAIL)),
    Example("followMagicLink", i.MagicLinkCompleteBody(token=_LINK)),
    Example("registerPasskey", i.RegisterPasskeyBody(credential=_CREDENTIAL, name="Phone")),
    Example("askForPasskey", i.PasskeyOptionsBody()),
    Example(
        "signInByPasskey", i.PasskeyLoginBody(credential=_CREDENTIAL, transport=Transport.BODY)
    ),
    Example("linkProvider", i.LinkBody(return_to="/account")),
    Example("invite", i.InviteBody(email="grace@example.com", role="user", name="Grace")),
    Example("rename", i.NameBody(name="Ada King")),
    Example("role", i.RoleBody(role="admin")),
    Example("status", i.StatusBody(status="disabled")),
    Example("newApp", _NEW_APP),
    Example("mfaEnabled", s.MfaEnabledAnswer("Your second factor is on.", (_RECOVERY_CODE,))),
    Example("recoveryCodes", s.RecoveryCodesAnswer((_RECOVERY_CODE,))),
    Example("user", s.UserAnswer("The account was made. Sign in to go on.", _USER)),
    Example("managedUser", s.ManagedUserAnswer("Here is the user.", _MANAGED)),
    Example("users", s.UsersAnswer("Here are the users.", [_MANAGED], None)),
    Example("signedIn", _SIGNED_IN),
    Example("refreshed", _REFRESHED),
    Example("profile", s.ProfileAnswer("You are signed in.", _USER, _SESSION)),
    Example("sessions", s.SessionsAnswer("These sessions are live.", [_SESSION])),
    Example("creationOptions", _CREATION),
    Example(
        "requestOptions", p.RequestOptionsAnswer(_LINK, 300_000, "example.com", [], "preferred")
    ),
    Example("passkey", p.PasskeyAnswer("The passkey was added.", _PASSKEY)),
    Example("passkeys", p.PasskeysAnswer("These are your passkeys.", [_PASSKEY])),
    Example("revoked", s.RevokedAnswer("You are signed out everywhere.", 3)),
    Example("providers", s.ProvidersAnswer([s.ProviderShape("google", "Google")])),
    Example("goThere", s.UrlAnswer("https://accounts.example.com/authorize?client_id=…")),
    Example("identities", s.IdentitiesAnswer([_IDENTITY])),
    Example("message", s.MessageAnswer("You are signed out.")),
    Example("health", s.HealthAnswer("ok", {"database": s.CheckShape("ok", latency_ms=0.21)})),
    Example("expired", problem_of(TokenExpired())),
    Example("invalid", problem_of(Invalid(FieldError("email", "This field is required.")))),
)


def _by_shape() -> Mapping[type[msgspec.Struct], list[Example]]:
    found: dict[type[msgspec.Struct], list[Example]] = {}
    for example in _ALL:
        found.setdefault(type(example.content), []).append(example)
    return found


EXAMPLES: Final = _by_shape()
