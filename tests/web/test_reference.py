from dataclasses import replace

import pytest

from watchword.domain.errors import Refusal
from watchword.web import paging
from watchword.web.app import ROUTES
from watchword.web.errors import STATUSES
from watchword.web.policies import PUBLIC, USER, Limit
from watchword.web.reference import (
    LIMITS,
    MEANINGS,
    MEDIA_TYPES,
    QUERY,
    audience_of,
    operation_id,
    refusals_of,
)
from watchword.web.routing import Route


def route_of(method: str, path: str) -> Route:
    return next(route for route in ROUTES if (route.method, route.path) == (method, path))


def codes_of(route: Route) -> set[str]:
    return {code for codes in refusals_of(route).values() for code in codes}


def refusals(root: type[Refusal] = Refusal) -> set[type[Refusal]]:
    own = {root} if root.__module__.startswith("watchword.") else set()
    return own.union(*(refusals(kind) for kind in root.__subclasses__()))


OF_USERS = [r for r in ROUTES if not (r.who.is_public or r.who.is_service)]


class TestTheWords:
    def test_explain_every_code_and_no_other(self) -> None:
        assert MEANINGS.keys() == STATUSES.keys()

    def test_explain_everything_that_is_raised(self) -> None:
        assert {kind.code for kind in refusals()} <= MEANINGS.keys()

    def test_know_every_code_that_a_route_names(self) -> None:
        assert {code for route in ROUTES for code in route.refusals} <= MEANINGS.keys()

    def test_know_every_query_field(self) -> None:
        assert {name for route in ROUTES for name in route.query} == QUERY.keys()

    def test_know_every_limit(self) -> None:
        assert LIMITS.keys() == set(Limit)

    def test_know_what_is_answered_where_the_table_names_no_shape(self) -> None:
        shapeless = {route.path for route in ROUTES if route.answers.get(200, Route) is None}
        assert shapeless == MEDIA_TYPES.keys()

    def test_give_the_sizes_of_pages_that_the_pages_keep(self) -> None:
        limit = QUERY["limit"].schema
        assert limit["default"] == paging._DEFAULT_LIMIT
        assert limit["maximum"] == paging._LARGEST_LIMIT


class TestRefusalsOfARoute:
    def test_without_a_caller_body_or_limit_are_its_own(self) -> None:
        assert refusals_of(route_of("GET", "/health/live")) == {}
        assert refusals_of(route_of("GET", "/metrics")) == {404: ["NOT_FOUND"]}

    def test_come_lowest_status_first_and_each_code_once(self) -> None:
        for route in ROUTES:
            found = refusals_of(route)
            codes = [code for codes in found.values() for code in codes]
            assert list(found) == sorted(found)
            assert len(codes) == len(set(codes))

    @pytest.mark.parametrize("route", OF_USERS)
    def test_of_the_signed_in_name_every_way_not_to_be(self, route: Route) -> None:
        for code in ("TOKEN_MISSING", "TOKEN_INVALID", "TOKEN_EXPIRED", "SESSION_REVOKED"):
            assert code in refusals_of(route)[401]

    @pytest.mark.parametrize("route", ROUTES)
    def test_name_forgery_where_state_changes(self, route: Route) -> None:
        """And where a start is written down for who goes there, by GET as OAuth 2 has it."""
        is_start = route.path == "/auth/{provider}"
        assert ("CSRF_FAILED" in codes_of(route)) == (
            is_start or (route.method != "GET" and not route.from_elsewhere)
        )

    @pytest.mark.parametrize("route", ROUTES)
    def test_name_what_a_body_can_be_refused_for(self, route: Route) -> None:
        of_bodies = {"TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE"}
        assert (of_bodies & codes_of(route)) == (
            of_bodies if route.body or route.from_elsewhere else set()
        )

    def test_name_step_up_where_the_policy_asks_for_it(self) -> None:
        """Where a permission is needed as well: a role may ask for a second factor."""
        asking = {route.path for route in ROUTES if "STEP_UP_REQUIRED" in codes_of(route)}
        assert asking == {
            *("/users", "/users/{id}", "/users/{id}/role", "/users/{id}/{role}", "/audit"),
            *("/users/{id}/status", "/users/{id}/sessions", "/auth/change-email"),
            *("/auth/mfa/enable", "/auth/mfa/disable", "/auth/mfa/recovery-codes"),
            *("/auth/passkeys/register/options", "/auth/passkeys/register", "/auth/passkeys/{id}"),
            *("/auth/identities/{id}", "/auth/{provider}/link", "/auth/{provider}/callback"),
        }

    def test_give_a_wrong_password_the_status_of_who_gives_it(self) -> None:
        assert "INVALID_CREDENTIALS" in refusals_of(route_of("POST", "/auth/login"))[401]
        assert "INVALID_CREDENTIALS" in refusals_of(route_of("POST", "/auth/change-password"))[403]


class TestTheAudience:
    def test_of_a_public_route_is_anyone(self) -> None:
        route = route_of("POST", "/auth/login")
        assert route.who is PUBLIC
        assert audience_of(route) == "Anyone."

    def test_of_the_revocations_is_a_service_and_no_user(self) -> None:
        route = route_of("GET", "/auth/revocations")
        assert audience_of(route).startswith("A service that holds a token of")
        assert refusals_of(route)[401] == ["TOKEN_MISSING", "TOKEN_INVALID"]

    def test_names_the_permission_the_owner_and_step_up(self) -> None:
        assert audience_of(route_of("GET", "/profile")) == "Any signed-in user."
        assert audience_of(route_of("GET", "/users")) == (
            "Whoever holds the permission `users.read`."
        )
        assert audience_of(route_of("PUT", "/users/{id}/role")).endswith("Needs step-up.")
        assert audience_of(route_of("DELETE", "/users/{id}")) == (
            "The user in question, or whoever holds the permission `users.delete`. "
            "The user in question needs step-up."
        )

    def test_of_a_fresh_user_is_told_so(self) -> None:
        route = replace(route_of("GET", "/profile"), who=replace(USER, fresh=True))
        assert audience_of(route) == "Any signed-in user. Needs step-up."


class TestOperationIds:
    def test_are_unique(self) -> None:
        ids = [operation_id(route) for route in ROUTES]
        assert len(ids) == len(set(ids))

    def test_are_names_that_programs_can_have(self) -> None:
        assert all(operation_id(route).isidentifier() for route in ROUTES)

    @pytest.mark.parametrize(
        ("method", "path", "name"),
        [
            ("POST", "/auth/change-password", "changePassword"),
            ("GET", "/auth/csrf", "getCsrf"),
            ("PUT", "/users/{id}/{role}", "putUsersByIdByRole"),
            ("GET", "/.well-known/jwks.json", "getWellKnownJwksJson"),
        ],
    )
    def test_read_like_what_they_do(self, method: str, path: str, name: str) -> None:
        assert operation_id(route_of(method, path)) == name
