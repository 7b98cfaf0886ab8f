import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from tests.driving import ORIGIN, Server
from watchword import __version__
from watchword.web.app import ROUTES
from watchword.web.errors import STATUSES
from watchword.web.examples import EXAMPLES, Example
from watchword.web.openapi import describe, document_of
from watchword.web.policies import USER
from watchword.web.reference import refusals_of
from watchword.web.routing import Route, RouteTable
from watchword.web.schemas import name_of
from watchword.web.shapes import HealthAnswer

URL = "https://auth.example.com"
DOCUMENT: dict[str, Any] = json.loads(describe(ROUTES, URL))
COMPONENTS = DOCUMENT["components"]
ALL_EXAMPLES = [example for examples in EXAMPLES.values() for example in examples]


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value:
        if isinstance(child, dict | list):
            yield from nodes(child)


def operation(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][route.path][route.method.lower()]
    return found


def at(method: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][path][method.lower()]
    return found


def resolve(reference: str) -> dict[str, Any]:
    found: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    assert isinstance(found, dict)
    return found


OF_USERS = [r for r in ROUTES if not (r.who.is_public or r.who.is_service)]


class TestTheDocument:
    def test_says_what_it_is(self) -> None:
        assert DOCUMENT["openapi"] == "3.1.0"
        assert DOCUMENT["info"]["title"] == "Watchword"
        assert DOCUMENT["info"]["version"] == __version__
        assert DOCUMENT["servers"] == [{"url": URL}]

    def test_has_every_route_and_nothing_else(self) -> None:
        described = {
            (method.upper(), path)
            for path, methods in DOCUMENT["paths"].items()
            for method in methods
        }
        assert described == {(route.method, route.path) for route in ROUTES}

    def test_points_only_at_what_is_there(self) -> None:
        references = {node["$ref"] for node in nodes(DOCUMENT) if "$ref" in node}
        assert references
        for reference in references:
            assert resolve(reference)

    def test_has_no_component_that_nothing_points_at(self) -> None:
        used = {node["$ref"] for node in nodes(DOCUMENT) if "$ref" in node}
        kept = {
            f"#/components/{kind}/{name}"
            for kind in COMPONENTS.keys() - {"securitySchemes"}
            for name in COMPONENTS[kind]
        }
        assert kept == used

    def test_explains_every_code(self) -> None:
        codes = DOCUMENT["x-codes"]
        assert {code: entry["status"] for code, entry in codes.items()} == STATUSES
        assert codes["TOKEN_EXPIRED"]["type"] == "/docs#token-expired"
        assert all(entry["meaning"].endswith(".") for entry in codes.values())

    async def test_is_served_as_json(self, server: Server) -> None:
        answer = await server.client().get("/openapi.json")
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        assert answer.content == describe(ROUTES, ORIGIN)

    def test_is_made_once_for_a_table(self) -> None:
        table = RouteTable(ROUTES)
        assert document_of(table, URL) is document_of(table, URL)
        assert document_of(table, URL) == describe(ROUTES, URL)


class TestAnOperation:
    def test_has_a_name_of_its_own(self) -> None:
        ids = [operation(route)["operationId"] for route in ROUTES]
        assert len(ids) == len(set(ids))

    @pytest.mark.parametrize("route", ROUTES)
    def test_declares_every_parameter_of_its_path(self, route: Route) -> None:
        parameters = operation(route)["parameters"]
        in_path = {item["name"] for item in parameters if item["in"] == "path"}
        assert in_path == set(re.findall(r"{(\w+)}", route.path))
        assert all(item["required"] for item in parameters if item["in"] == "path")
        assert {item["name"] for item in parameters if item["in"] == "query"} == set(route.query)

    @pytest.mark.parametrize("route", ROUTES)
    def test_lists_its_answers_and_its_refusals(self, route: Route) -> None:
        responses = operation(route)["responses"]
        expected = {str(status) for status in (*route.answers, *refusals_of(route))}
        assert responses.keys() == expected | {"default"}
        assert all("$ref" in response or response["description"] for response in responses.values())

    @pytest.mark.parametrize("route", ROUTES)
    def test_refuses_with_a_problem_that_names_the_codes(self, route: Route) -> None:
        for status, codes in refusals_of(route).items():
            response = operation(route)["responses"][str(status)]
            schema = response["content"]["application/problem+json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Problem"}
            assert response["x-codes"] == list(codes)
            assert all(f"`{code}`: " in response["description"] for code in codes)

    def test_says_when_to_come_back(self) -> None:
        for route in ROUTES:
            for status in {"429", "503"} & operation(route)["responses"].keys():
                assert "Retry-After" in operation(route)["responses"][status]["headers"]

    @pytest.mark.parametrize("route", ROUTES)
    def test_takes_a_body_where_the_table_has_one(self, route: Route) -> None:
        body = operation(route).get("requestBody")
        assert (body is None) == (route.body is None)
        if body is not None and route.body is not None:
            schema = body["content"]["application/json"]["schema"]
            assert schema == {"$ref": f"#/components/schemas/{name_of(route.body)}"}
            assert body["required"] != route.optional_body

    def test_keeps_an_answer_beside_a_refusal_of_the_same_status(self) -> None:
        health = next(route for route in ROUTES if route.path == "/health")
        assert health.answers[503] is HealthAnswer
        document = json.loads(describe([replace(health, who=USER)], URL))
        response = document["paths"]["/health"]["get"]["responses"]["503"]
        assert response["content"].keys() == {"application/json", "application/problem+json"}
        assert response["x-codes"] == ["UNAVAILABLE"]

    def test_says_what_forward_auth_answers(self) -> None:
        response = at("GET", "/auth/verify")["responses"]["204"]
        assert "content" not in response
        assert "X-Auth-User" in response["headers"]


class TestSecurity:
    @pytest.mark.parametrize("route", OF_USERS)
    def test_of_the_signed_in_is_a_token_or_a_cookie(self, route: Route) -> None:
        assert operation(route)["security"] == [{"bearer": []}, {"sessionCookie": []}]

    def test_of_a_refresh_is_its_cookie_or_the_body(self) -> None:
        assert at("POST", "/auth/refresh")["security"] == [{"refreshCookie": []}, {}]

    def test_of_a_sign_out_is_whatever_one_holds(self) -> None:
        accepted = at("POST", "/auth/logout")["security"]
        assert {name for choice in accepted for name in choice} == {
            "bearer",
            "sessionCookie",
            "refreshCookie",
        }
        assert {} in accepted

    def test_of_the_revocations_is_a_service_s_own_token(self) -> None:
        assert at("GET", "/auth/revocations")["security"] == [{"service": []}]
        [header] = at("GET", "/auth/revocations")["parameters"]
        assert (header["in"], header["name"]) == ("header", "Last-Event-ID")

    def test_of_a_public_route_is_none(self) -> None:
        assert at("POST", "/auth/login")["security"] == []

    @pytest.mark.parametrize(
        ("url", "refresh", "session"),
        [
            ("https://a.example", "__Host-refreshToken", "__Host-session"),
            ("http://localhost:8000", "refreshToken", "session"),
        ],
    )
    def test_names_the_cookies_as_browsers_see_them(
        self, url: str, refresh: str, session: str
    ) -> None:
        schemes = json.loads(describe(ROUTES, url))["components"]["securitySchemes"]
        assert schemes["refreshCookie"]["name"] == refresh
        assert schemes["sessionCookie"]["name"] == session


class TestSchemas:
    def test_are_named_as_people_would(self) -> None:
        assert {"User", "Session", "Problem", "LoginBody"} <= COMPONENTS["schemas"].keys()
        assert not any(name.endswith("Shape") for name in COMPONENTS["schemas"])

    def test_require_only_fields_that_they_have(self) -> None:
        for schema in COMPONENTS["schemas"].values():
            assert set(schema.get("required", ())) <= schema.get("properties", {}).keys()

    def test_of_bodies_refuse_unknown_fields(self) -> None:
        for route in ROUTES:
            if route.body is not None:
                schema = COMPONENTS["schemas"][name_of(route.body)]
                assert schema["additionalProperties"] is False

    def test_give_no_default_of_null(self) -> None:
        assert not any(
            "default" in node and node["default"] is None for node in nodes(COMPONENTS["schemas"])
        )

    def test_say_what_a_text_holds(self) -> None:
        body = COMPONENTS["schemas"]["LoginBody"]["properties"]
        assert body["email"]["format"] == "email"
        assert body["password"]["format"] == "password"
        assert COMPONENTS["schemas"]["User"]["properties"]["createdAt"]["format"] == "date-time"

    def test_keep_null_where_an_answer_says_it(self) -> None:
        location = COMPONENTS["schemas"]["Session"]["properties"]["location"]
        assert {"type": "null"} in location["anyOf"]


class TestExamples:
    def test_have_names_of_their_own(self) -> None:
        names = [example.name for example in ALL_EXAMPLES]
        assert len(names) == len(set(names))

    @pytest.mark.parametrize("example", ALL_EXAMPLES)
    def test_are_what_they_are_examples_of(self, example: Example) -> None:
        assert msgspec.convert(example.plain(), type(example.content)) == example.content

    def test_exist_for_every_body_that_asks_for_something(self) -> None:
        bodies = {route.body for route in ROUTES if route.body and route.body.__struct_fields__}
        assert bodies <= EXAMPLES.keys()

    def test_leave_out_what_is_at_its_default(self) -> None:
        browser = COMPONENTS["examples"]["signInFromBrowser"]["value"]
        assert browser.keys() == {"email", "password"}
