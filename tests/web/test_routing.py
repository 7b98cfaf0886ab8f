from dataclasses import replace
from typing import Any

import pytest

from watchword.domain.errors import NotFound
from watchword.web.answers import Answer
from watchword.web.app import ROUTES
from watchword.web.errors import MethodNotAllowed
from watchword.web.policies import PUBLIC
from watchword.web.routing import Route, RouteTable


def route(method: str, path: str) -> Route:
    async def page(*_: Any) -> Answer:
        return Answer(200)

    return Route(method=method, path=path, page=page, who=PUBLIC, summary=path, answers={})


TABLE = RouteTable(
    [
        route("PUT", "/users/{id}/{role}"),
        route("GET", "/users"),
        route("GET", "/users/{id}"),
        route("DELETE", "/users/{id}"),
        route("PUT", "/users/{id}/status"),
        route("GET", "/users/{id}/sessions"),
        route("GET", "/users/me"),
    ]
)


class TestAPathThatGivesWay:
    def test_takes_no_word_of_the_table_for_a_parameter(self) -> None:
        shops = replace(route("GET", "/shops/{name}"), gives_way=True)
        table = RouteTable([*TABLE.routes, shops, route("POST", "/shops/near")])
        assert table.find("GET", "/shops/7").parameters == {"name": "7"}
        with pytest.raises(NotFound):
            table.find("GET", "/shops/status")
        with pytest.raises(MethodNotAllowed) as caught:
            table.find("GET", "/shops/near")
        assert caught.value.allowed == "POST"


class TestFinding:
    @pytest.mark.parametrize(
        ("method", "path", "pattern", "parameters"),
        [
            ("GET", "/users", "/users", {}),
            ("HEAD", "/users", "/users", {}),
            ("GET", "/users/7", "/users/{id}", {"id": "7"}),
            ("DELETE", "/users/7", "/users/{id}", {"id": "7"}),
            ("GET", "/users/me", "/users/me", {}),
            ("DELETE", "/users/me", "/users/{id}", {"id": "me"}),
            ("PUT", "/users/7/status", "/users/{id}/status", {"id": "7"}),
            ("PUT", "/users/7/admin", "/users/{id}/{role}", {"id": "7", "role": "admin"}),
            ("GET", "/users/..", "/users/{id}", {"id": ".."}),
            ("GET", "/users/%2e", "/users/{id}", {"id": "%2e"}),
            ("GET", "/users/\u00e9", "/users/{id}", {"id": "\u00e9"}),
        ],
    )
    def test_a_literal_segment_wins_over_a_parameter(
        self, method: str, path: str, pattern: str, parameters: dict[str, str]
    ) -> None:
        found = TABLE.find(method, path)
        assert (found.route.path, dict(found.parameters)) == (pattern, parameters)

    @pytest.mark.parametrize(
        "path",
        [
            *("", "/", "users", "x/users", "x/users/7", "*", "//users", "/users/", "/users//"),
            *("/Users", "/users/7/", "/users//status", "/users/7/status/", "/users;x", "/users "),
            *("/./users", "/users\0", "/users/\0", "/users/\n", "/users/\u202e", "/users/\ud800"),
            "/users/" + "x" * 129,
        ],
    )
    def test_a06_there_is_one_spelling_of_each_path(self, path: str) -> None:
        with pytest.raises(NotFound):
            TABLE.find("GET", path)

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("POST", "/users", "GET"),
            ("get", "/users", "GET"),
            ("TRACE", "/users", "GET"),
            ("", "/users", "GET"),
            ("PUT", "/users/7", "DELETE, GET"),
            ("PUT", "/users/me", "DELETE, GET"),
            ("GET", "/users/7/status", "PUT"),
            ("POST", "/users/7/sessions", "GET, PUT"),
            ("HEAD", "/users/7/admin", "PUT"),
        ],
    )
    def test_a06_a_method_that_is_not_listed_is_told_which_are(
        self, method: str, path: str, allowed: str
    ) -> None:
        with pytest.raises(MethodNotAllowed) as refused:
            TABLE.find(method, path)
        assert refused.value.allowed == allowed

    def test_the_methods_of_a_path_can_be_asked(self) -> None:
        assert TABLE.methods("/users/7") == ["DELETE", "GET"]
        assert TABLE.methods("/nowhere") == ()


class TestTheTable:
    def test_the_same_line_twice_is_an_error(self) -> None:
        for path in ("/users", "/users/{id}"):
            with pytest.raises(ValueError, match="twice"):
                RouteTable([route("GET", path), route("GET", path)])

    def test_every_route_of_ours_is_found_under_its_own_path(self) -> None:
        table = RouteTable(ROUTES)
        for one in ROUTES:
            assert table.find(one.method, one.path).route is one

    def test_a_state_that_changes_changes_by_a_method_that_says_so(self) -> None:
        """ASVS 3.5.3: what may be a link reads no body."""
        for one in ROUTES:
            assert one.method in {"GET", "POST", "PUT", "PATCH", "DELETE"}
            assert one.body is None or one.method in {"POST", "PUT", "PATCH"}
