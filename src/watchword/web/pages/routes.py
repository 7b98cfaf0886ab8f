"""The addresses of pages, beside those of programs in `watchword.web.app`."""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from watchword.domain.roles import Permission
from watchword.web.answers import Answer
from watchword.web.pages import (
    account,
    console_audit,
    console_keys,
    console_overview,
    console_settings,
    console_users,
    factors,
    files,
    identities,
    own_data,
    passkeys,
    recovery,
    registration,
    sessions,
    sign_in,
    step_up,
)
from watchword.web.pages import forms as f
from watchword.web.policies import FRESH_USER, PUBLIC, USER, Limit, Policy, permitted
from watchword.web.routing import Route

_AUTH: Final = frozenset({Limit.AUTH})
_MAIL: Final = frozenset({Limit.AUTH, Limit.MAIL})
_SIGN_IN: Final = frozenset({Limit.AUTH, Limit.SIGN_IN})
READS_USERS: Final = permitted(Permission.USERS_READ)
READS_AUDIT: Final = permitted(Permission.AUDIT_READ)
INVITES: Final = permitted(Permission.USERS_INVITE, fresh=True)
GIVES_ROLES: Final = permitted(Permission.USERS_ROLE, fresh=True)


def _see(
    path: str,
    page: Callable[..., Awaitable[Answer]],
    who: Policy = PUBLIC,
    *,
    is_watching: bool = False,
) -> Route:
    return Route(
        method="GET", path=path, page=page, who=who, summary="", answers={200: None},
        is_page=True, is_quiet=True, is_watching=is_watching,
    )  # fmt: skip


def _send(
    path: str,
    page: Callable[..., Awaitable[Answer]],
    form: type[msgspec.Struct],
    *,
    who: Policy = PUBLIC,
    limits: frozenset[Limit] = _AUTH,
) -> Route:
    return Route(
        method="POST", path=path, page=page, who=who, summary="", answers={200: None},
        body=form, optional_body=True, limits=limits, is_page=True,
    )  # fmt: skip


# fmt: off
PAGES: Final = (
    _see("/", account.home),
    _see("/assets/{name}", files.get),

    _see("/sign-in", sign_in.ask),
    _send("/sign-in", sign_in.sign_in, f.SignInForm, limits=_SIGN_IN),
    _send("/sign-in/second-step", sign_in.second_step, f.SecondStepForm),
    _send("/sign-out", sign_in.sign_out, f.NoForm, who=USER, limits=frozenset()),
    _see("/confirm", step_up.ask, USER),
    _send("/confirm", step_up.confirm, f.ConfirmForm, who=USER),

    _see("/register", registration.ask),
    _send("/register", registration.register, f.RegisterForm, limits=_SIGN_IN),
    _see("/setup", registration.ask_to_set_up),
    _send("/setup", registration.set_up, f.SetupForm, limits=_SIGN_IN),

    _see("/forgot-password", recovery.ask_whose),
    _send("/forgot-password", recovery.forgot_password, f.EmailForm, limits=_MAIL),
    _see("/reset-password", recovery.ask_for_password),
    _send("/reset-password", recovery.reset_password, f.NewPasswordForm),
    _see("/verify-email", recovery.ask_to_verify),
    _send("/verify-email", recovery.verify_email, f.LinkForm),
    _send("/verify-email/resend", recovery.resend, f.EmailForm, limits=_MAIL),
    _see("/magic-link", recovery.ask_for_link),
    _send("/magic-link", recovery.magic_link, f.EmailForm, limits=_MAIL),
    _send("/magic-link/complete", recovery.complete_magic_link, f.LinkForm),

    # One's own account
    _see("/account", account.profile, USER),
    _send("/account/name", account.rename, f.NameForm, who=USER),
    _send("/account/email", account.change_email, f.NewEmailForm, who=FRESH_USER, limits=_MAIL),
    _see("/account/password", account.ask_for_password, USER),
    _send("/account/password", account.change_password, f.ChangePasswordForm, who=USER),
    _see("/account/devices", sessions.devices, USER),
    _send("/account/devices/end-others", sessions.end_others, f.NoForm, who=USER),
    _send("/account/devices/{id}/end", sessions.end_one, f.NoForm, who=USER),
    _send("/account/sign-out-everywhere", account.sign_out_everywhere, f.NoForm, who=USER),
    _see("/account/two-factor", factors.overview, USER),
    _send("/account/two-factor/app", factors.begin, f.NoForm, who=FRESH_USER),
    _send("/account/two-factor/app/confirm", factors.confirm, f.CodeForm, who=USER),
    _send("/account/two-factor/recovery-codes", factors.renew_codes, f.NoForm, who=FRESH_USER),
    _send("/account/two-factor/disable", factors.disable, f.CodeForm, who=FRESH_USER),
    _see("/account/passkeys", passkeys.overview, USER),
    _see("/account/passkeys/add", passkeys.ask_to_add, FRESH_USER),
    _send("/account/passkeys/{id}/name", passkeys.rename, f.NameForm, who=USER),
    _send("/account/passkeys/{id}/remove", passkeys.remove, f.NoForm, who=FRESH_USER),
    _see("/account/providers", identities.overview, USER),
    _send("/account/providers/link", identities.link, f.ConsentForm, who=FRESH_USER),
    _send("/account/providers/{provider}/link", identities.begin_link, f.NoForm, who=FRESH_USER),
    _send("/account/identities/{id}/unlink", identities.unlink, f.NoForm, who=FRESH_USER),
    _see("/account/activity", sessions.activity, USER),
    _see("/account/data", own_data.ask, FRESH_USER),
    _send("/account/data", own_data.download, f.NoForm, who=FRESH_USER),
    _see("/account/delete", account.ask_to_delete, FRESH_USER),
    _send("/account/delete", account.delete, f.EmailForm, who=FRESH_USER),

    # For operators
    _see("/console", console_overview.show_over, READS_AUDIT),
    _see("/console/figures", console_overview.figures, READS_AUDIT, is_watching=True),
    _see("/console/users", console_users.search, READS_USERS),
    _see("/console/invite", console_users.ask_whom_to_invite, INVITES),
    _send("/console/invite", console_users.invite, f.InviteForm, who=INVITES),
    _see("/console/users/{id}", console_users.user, READS_USERS),
    _send("/console/users/{id}/role", console_users.change_role, f.ChoiceForm, who=GIVES_ROLES),
    _send("/console/users/{id}/status", console_users.change_status, f.ChoiceForm,
          who=permitted(Permission.USERS_STATUS, fresh=True)),
    _send("/console/users/{id}/end-sessions", console_users.end_sessions, f.NoForm,
          who=permitted(Permission.SESSIONS_END, fresh=True)),
    _send("/console/users/{id}/delete", console_users.delete, f.NoForm,
          who=permitted(Permission.USERS_DELETE, fresh=True)),
    _send("/console/users/{id}/reset-second-factor", console_users.reset_second_factor, f.NoForm,
          who=GIVES_ROLES),
    _see("/console/audit", console_audit.search, READS_AUDIT),
    _see("/console/audit/export", console_audit.export, READS_AUDIT),
    _see("/console/keys", console_keys.overview, READS_AUDIT),
    _send("/console/keys/rotate", console_keys.rotate, f.NoForm, who=GIVES_ROLES),
    _see("/console/settings", console_settings.overview, READS_AUDIT),
)
# fmt: on
