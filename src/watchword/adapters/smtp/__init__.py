"""Mail through an SMTP relay (RFC 5321), by aiosmtplib."""

from watchword.adapters.smtp.mailer import SmtpMailer
from watchword.adapters.smtp.patience import Patience
from watchword.adapters.smtp.trust import CaFileUnusable, make_tls

__all__ = ["CaFileUnusable", "Patience", "SmtpMailer", "make_tls"]
