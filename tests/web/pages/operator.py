"""Those who use the console: an administrator, and others who may do less."""

from tests.driving import PASSWORD, Server
from tests.web.visitor import Page, Visitor
from watchword.domain.accounts import EmailAddress
from watchword.domain.roles import Permission, Roles
from watchword.ports import AuditQuery, AuditRecord, PageRequest, RequestTrace

ROOT = "root@example.com"
BOB = "bob@example.com"
ROLES = Roles.of(
    {
        "auditor": frozenset({Permission.AUDIT_READ}),
        "support": frozenset({Permission.USERS_READ, Permission.USERS_ROLE}),
    }
)


async def an_operator(server: Server, email: str = ROOT) -> Visitor:
    """Signed in a moment ago."""
    await server.register_admin(email)
    return await signed_in(server, email)


async def somebody_with(server: Server, role: str, email: str) -> Visitor:
    person = await server.register(email)
    await server.core.services.users.change_role(None, person.user["id"], role, RequestTrace())
    return await signed_in(server, email)


async def signed_in(server: Server, email: str) -> Visitor:
    visitor = Visitor(server)
    await visitor.sign_in(email)
    assert visitor.place == "/account"
    return visitor


async def confirm(visitor: Visitor) -> Page:
    """The page that asks for a fresh proof."""
    assert visitor.place == "/confirm"
    return await visitor.send(visitor.page.form("/confirm"), password=PASSWORD)


async def events_of(server: Server, type_: str) -> list[AuditRecord]:
    """Newest first."""
    found = await server.core.services.audit.list_events(AuditQuery(type=type_), PageRequest(200))
    return list(found.rows)


async def id_of(server: Server, email: str) -> str:
    found = await server.core.store.reading.accounts.find_by_address(EmailAddress.parse(email))
    assert found is not None
    return found.id
