"""All stores over one place to run statements: a transaction, or the newest committed state."""

from watchword.adapters.sql.accounts import SqlAccounts, SqlAdministrators
from watchword.adapters.sql.audit import SqlAuditLog, SqlAuditReader
from watchword.adapters.sql.directory import SqlDirectory
from watchword.adapters.sql.factors import SqlRecoveryCodes, SqlTotpFactors
from watchword.adapters.sql.holdings import SqlHoldings
from watchword.adapters.sql.identities import SqlIdentities
from watchword.adapters.sql.outbox import SqlOutbox, SqlOutboxReader
from watchword.adapters.sql.ownership import SqlOwnership
from watchword.adapters.sql.passkeys import SqlPasskeys
from watchword.adapters.sql.records import SqlDevices, SqlKeys, SqlLinks
from watchword.adapters.sql.sessions import SqlSessions
from watchword.adapters.sql.statements import Queries, Statements


class SqlReading:
    def __init__(self, point: Statements, slow: Queries) -> None:
        self.accounts = SqlAccounts(point)
        self.administrators = SqlAdministrators(point)
        self.passkeys = SqlPasskeys(point)
        self.identities = SqlIdentities(point)
        self.sessions = SqlSessions(point)
        self.outbox = SqlOutboxReader(point)
        self.devices = SqlDevices(point)
        self.keys = SqlKeys(point)
        self.directory = SqlDirectory(slow)
        self.holdings = SqlHoldings(slow)
        self.audit = SqlAuditReader(slow)


class SqlUnit:
    def __init__(self, statements: Statements) -> None:
        self.accounts = SqlAccounts(statements)
        self.administrators = SqlAdministrators(statements)
        self.passkeys = SqlPasskeys(statements)
        self.identities = SqlIdentities(statements)
        self.sessions = SqlSessions(statements)
        self.ownership = SqlOwnership(statements)
        self.totp = SqlTotpFactors(statements)
        self.recovery_codes = SqlRecoveryCodes(statements)
        self.links = SqlLinks(statements)
        self.outbox = SqlOutbox(statements)
        self.devices = SqlDevices(statements)
        self.keys = SqlKeys(statements)
        self.audit = SqlAuditLog(statements)
