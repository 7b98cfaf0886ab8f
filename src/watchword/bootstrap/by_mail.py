"""The flows that go by links which are mailed."""

from watchword.bootstrap.mail import make_mail_languages
from watchword.bootstrap.parts import Ground
from watchword.flows.addresses import Addresses
from watchword.flows.attempts import PasswordProof
from watchword.flows.magic_links import MagicLinks
from watchword.flows.new_passwords import NewPasswords
from watchword.flows.recovery import Recovery
from watchword.flows.second_step import SecondStep
from watchword.flows.unproven import Unproven
from watchword.web.services import ByMail


def make_by_mail(
    ground: Ground, proof: PasswordProof, passwords: NewPasswords, second: SecondStep
) -> ByMail:
    return ByMail(
        _recovery(ground, proof, passwords),
        Addresses(ground.store, ground.postman, ground.clock),
        _magic_links(ground, second),
        make_mail_languages(ground.settings),
    )


def _recovery(ground: Ground, proof: PasswordProof, passwords: NewPasswords) -> Recovery:
    return Recovery(
        ground.store,
        ground.postman,
        proof,
        ground.hasher,
        passwords,
        ground.clock,
        _unproven(ground),
    )


def _magic_links(ground: Ground, second: SecondStep) -> MagicLinks:
    return MagicLinks(
        ground.store,
        ground.postman,
        second,
        _unproven(ground),
        ground.clock,
        ground.randomness,
    )


def _unproven(ground: Ground) -> Unproven:
    return Unproven(ground.postman, ground.clock)
