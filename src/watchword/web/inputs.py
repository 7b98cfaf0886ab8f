"""What bodies look like on the wire; the API reference is made from these and from `shapes`."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from watchword.domain.sessions import Transport

Text = Annotated[str, Meta(max_length=4_096)]
Password = Annotated[str, Meta(max_length=65_536)]


class Input(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A body; fields that it does not name are refused."""


class RegisterBody(Input, frozen=True, forbid_unknown_fields=True):
    email: Text
    password: Password
    name: Text = ""


class LoginBody(Input, frozen=True, forbid_unknown_fields=True):
    """``mfaCode`` and ``trustDevice`` say nothing about an account without a second factor. Without
    ``mfaCode`` the answer to one with it is 401 ``MFA_REQUIRED``, and leads on.
    """

    email: Text
    password: Password
    transport: Transport = Transport.COOKIE
    remember: bool = True
    mfa_code: Text | None = None
    trust_device: bool = False


class MfaCompleteBody(Input, frozen=True, forbid_unknown_fields=True):
    """``code`` or ``recoveryCode``, one of them. Without ``transport`` it is that of the sign-in
    that this completes. ``trustDevice``: this browser is not asked for 30 days.
    """

    mfa_token: Text
    code: Text | None = None
    recovery_code: Text | None = None
    transport: Transport | None = None
    trust_device: bool = False


class MfaCodeBody(Input, frozen=True, forbid_unknown_fields=True):
    code: Text


class MfaDisableBody(Input, frozen=True, forbid_unknown_fields=True):
    """``code`` or ``recoveryCode``, one of them."""

    code: Text | None = None
    recovery_code: Text | None = None


class SetupBody(Input, frozen=True, forbid_unknown_fields=True):
    token: Text
    email: Text
    password: Password
    transport: Transport = Transport.COOKIE


class RefreshBody(Input, frozen=True, forbid_unknown_fields=True):
    refresh_token: Text | None = None


class ReauthenticateBody(Input, frozen=True, forbid_unknown_fields=True):
    """``password`` or ``code``, one of them."""

    password: Password | None = None
    code: Text | None = None


class ChangePasswordBody(Input, frozen=True, forbid_unknown_fields=True):
    current_password: Password
    new_password: Password


class EmailBody(Input, frozen=True, forbid_unknown_fields=True):
    email: Text


class TokenBody(Input, frozen=True, forbid_unknown_fields=True):
    token: Text


class ResetPasswordBody(Input, frozen=True, forbid_unknown_fields=True):
    token: Text
    new_password: Password


class ChangeEmailBody(Input, frozen=True, forbid_unknown_fields=True):
    new_email: Text


class MagicLinkBody(Input, frozen=True, forbid_unknown_fields=True):
    """``transport`` is that of the browser, which says it again when it completes the link."""

    email: Text
    transport: Transport = Transport.COOKIE


class MagicLinkCompleteBody(Input, frozen=True, forbid_unknown_fields=True):
    token: Text
    transport: Transport = Transport.COOKIE
    remember: bool = True


class RegisterPasskeyBody(Input, frozen=True, forbid_unknown_fields=True):
    """``credential`` is a RegistrationResponseJSON: the browser's credential, by ``toJSON()``."""

    credential: dict[str, Any]
    name: Text = ""


class PasskeyOptionsBody(Input, frozen=True, forbid_unknown_fields=True):
    """``email`` is what the person may have typed; the answer is the same for every address."""

    email: Text | None = None


class PasskeyLoginBody(Input, frozen=True, forbid_unknown_fields=True):
    """``credential`` is an AuthenticationResponseJSON: the browser's, by ``toJSON()``."""

    credential: dict[str, Any]
    transport: Transport = Transport.COOKIE
    remember: bool = True


class LinkBody(Input, frozen=True, forbid_unknown_fields=True):
    """``returnTo``: a path of this site, where the browser goes on when it is back."""

    return_to: Text = "/"


class InviteBody(Input, frozen=True, forbid_unknown_fields=True):
    email: Text
    role: Text | None = None
    name: Text = ""


class NameBody(Input, frozen=True, forbid_unknown_fields=True):
    name: Text


class RoleBody(Input, frozen=True, forbid_unknown_fields=True):
    role: Text


class StatusBody(Input, frozen=True, forbid_unknown_fields=True):
    status: Literal["active", "disabled"]


class NoBody(Input, frozen=True, forbid_unknown_fields=True):
    """Nothing is asked for; an empty object will do."""
