from dataclasses import replace

import pytest

from watchword.domain.errors import Forbidden, Invalid
from watchword.domain.roles import EVERYTHING, Permission, Roles

ROLES = Roles.of(
    {
        "support": frozenset({Permission.USERS_READ, Permission.SESSIONS_END}),
        "reader": frozenset({Permission.USERS_READ}),
        "auditor": frozenset({Permission.AUDIT_READ}),
    }
)


class TestRoles:
    def test_admin_and_user_always_exist(self) -> None:
        assert Roles.of().granted_to("admin") == EVERYTHING == frozenset(Permission)
        assert Roles.of().granted_to("user") == frozenset()

    def test_admin_and_user_are_not_for_configuration(self) -> None:
        bent = Roles.of({"admin": frozenset(), "user": EVERYTHING})
        assert bent.granted_to("admin") == EVERYTHING
        assert bent.granted_to("user") == frozenset()

    @pytest.mark.parametrize("role", ["", "root", "Admin", "admin ", "*"])
    def test_a_role_that_is_not_configured_is_refused_and_holds_nothing(self, role: str) -> None:
        assert ROLES.granted_to(role) == frozenset()
        with pytest.raises(Invalid, match="admin, auditor, reader, support, user"):
            ROLES.require_known(role)

    def test_a_configured_role_is_known(self) -> None:
        for role in ("admin", "user", "support", "reader", "auditor"):
            ROLES.require_known(role)


class TestHandingOutARole:
    """Attack A05: nobody gives what they do not hold."""

    @pytest.mark.parametrize(
        ("actor", "role"),
        [
            ("support", "admin"),
            ("reader", "support"),
            ("support", "auditor"),
            ("user", "reader"),
            ("gone", "reader"),
        ],
    )
    def test_a05_above_ones_own_is_forbidden(self, actor: str, role: str) -> None:
        with pytest.raises(Forbidden):
            ROLES.require_not_above(actor, role)

    @pytest.mark.parametrize(
        ("actor", "role"),
        [("admin", "admin"), ("admin", "auditor"), ("support", "reader"), ("reader", "reader")],
    )
    def test_up_to_ones_own_is_allowed(self, actor: str, role: str) -> None:
        ROLES.require_not_above(actor, role)

    def test_one_that_holds_nothing_is_always_allowed(self) -> None:
        ROLES.require_not_above("user", "user")


class TestARoleThatAsksForASecondFactor:
    STRICT = replace(ROLES, multi_factor=frozenset({"support"}))

    @pytest.mark.parametrize("methods", [("pwd",), ("otp",), ("email", "otp"), ("hwk", "user"), ()])
    def test_is_not_in_force_without_one(self, methods: tuple[str, ...]) -> None:
        assert self.STRICT.in_force("support", methods) == "user"
        assert self.STRICT.in_force("reader", methods) == "reader"
        assert ROLES.in_force("support", methods) == "support"

    @pytest.mark.parametrize("methods", [("pwd", "otp", "mfa"), ("hwk", "user", "mfa")])
    def test_is_in_force_with_one(self, methods: tuple[str, ...]) -> None:
        assert self.STRICT.in_force("support", methods) == "support"
