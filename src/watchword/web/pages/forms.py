"""What forms of pages send. What a browser leaves out is empty: flows say what is missing."""

import msgspec

from watchword.flows.factor_proof import AppCode, Given, RecoveryCode

# However long, within the bound of a body: what is too long is said by its flow, beside the field.
Text = str
Password = str


class Form(msgspec.Struct, frozen=True, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """The fields of a form; a checked box sends some text."""


class NoForm(Form, frozen=True):
    """A button alone."""


class ReturningForm(Form, frozen=True):
    """``returnTo``: the path of this site where one goes on."""

    return_to: Text = ""


class SignInForm(ReturningForm, frozen=True):
    email: Text = ""
    password: Password = ""
    remember: Text = ""


class RegisterForm(ReturningForm, frozen=True):
    email: Text = ""
    name: Text = ""
    password: Password = ""


class EmailForm(ReturningForm, frozen=True):
    email: Text = ""


class LinkForm(ReturningForm, frozen=True):
    """``token``: of the link in a mail, or the whole link, pasted."""

    token: Text = ""

    @property
    def bare_token(self) -> str:
        return self.token.strip().rpartition("#token=")[2]


class NewPasswordForm(LinkForm, frozen=True):
    new_password: Password = ""


class SetupForm(LinkForm, frozen=True):
    email: Text = ""
    password: Password = ""


class ConfirmForm(ReturningForm, frozen=True):
    """``password`` or ``code``, whichever is filled in."""

    password: Password = ""
    code: Text = ""


class NameForm(Form, frozen=True):
    name: Text = ""


class NewEmailForm(Form, frozen=True):
    new_email: Text = ""


class ChangePasswordForm(Form, frozen=True):
    current_password: Password = ""
    new_password: Password = ""


class CodeForm(ReturningForm, frozen=True):
    """``code`` or ``recoveryCode``, whichever is filled in."""

    code: Text = ""
    recovery_code: Text = ""

    @property
    def given(self) -> Given:
        return RecoveryCode(self.recovery_code) if self.recovery_code else AppCode(self.code)


class SecondStepForm(CodeForm, frozen=True):
    mfa_token: Text = ""
    trust_device: Text = ""


class ConsentForm(Form, frozen=True):
    """``choice`` is ``link``, or no consent."""

    token: Text = ""
    choice: Text = ""


class InviteForm(Form, frozen=True):
    email: Text = ""
    name: Text = ""
    role: Text = ""


class ChoiceForm(Form, frozen=True):
    """``choice``: one of those that the page offers."""

    choice: Text = ""
