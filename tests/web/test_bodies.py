import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Literal

import msgspec
import pytest

from watchword.domain.errors import Invalid, Malformed
from watchword.domain.sessions import Transport
from watchword.web import bodies
from watchword.web.bodies import (
    Disconnected,
    announced_size,
    convert,
    media_type,
    parse_form,
    parse_json,
    read_body,
)
from watchword.web.errors import TooLarge, UnsupportedMediaType

PATIENT = 600.0


class Order(msgspec.Struct, frozen=True, rename="camel"):
    item_name: Annotated[str, msgspec.Meta(max_length=5)]
    is_gift: bool = False
    state: Literal["new", "old"] = "new"
    transport: Transport = Transport.BODY
    note: str | None = None


def arriving(*parts: bytes, ends: bool = True) -> Callable[[], Awaitable[Mapping[str, Any]]]:
    left = list(parts)

    async def receive() -> Mapping[str, Any]:
        if not left:
            return {"type": "http.disconnect"}
        part = left.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(left) or not ends}

    return receive


class TestArrival:
    @pytest.mark.parametrize("parts", [(b"",), (b"abc",), (b"a", b"", b"bc"), (b"", b"", b"")])
    async def test_a_body_is_put_together(self, parts: tuple[bytes, ...]) -> None:
        body = await read_body(arriving(*parts), limit=3, seconds=PATIENT)
        assert body == b"".join(parts)

    @pytest.mark.parametrize("parts", [(b"abcd",), (b"abc", b"d"), (b"a",) * 4])
    async def test_i02_one_byte_more_is_too_large(self, parts: tuple[bytes, ...]) -> None:
        with pytest.raises(TooLarge):
            await read_body(arriving(*parts), limit=3, seconds=PATIENT)

    async def test_i02_an_endless_body_is_not_read_to_its_end(self) -> None:
        asked = 0

        async def receive() -> Mapping[str, Any]:
            nonlocal asked
            asked += 1
            return {"type": "http.request", "body": b"x" * 1_000, "more_body": True}

        with pytest.raises(TooLarge):
            await read_body(receive, limit=10_000, seconds=PATIENT)
        assert asked == 11

    async def test_a_client_that_goes_away_is_no_body(self) -> None:
        with pytest.raises(Disconnected):
            await read_body(arriving(b"abc", ends=False), limit=9, seconds=PATIENT)

    async def test_x02_a_body_that_does_not_come_is_given_up(self) -> None:
        never = asyncio.Event()

        async def receive() -> Mapping[str, Any]:
            await never.wait()
            return {}

        with pytest.raises(Malformed):
            await read_body(receive, limit=9, seconds=0.001)

    async def test_x02_dripping_does_not_buy_time(self) -> None:
        """The time is for the whole body: what has come does not start it again."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        loop.time = lambda: now  # type: ignore[method-assign]  # the loop is this test's own

        async def receive() -> Mapping[str, Any]:
            nonlocal now
            now += 6
            await asyncio.sleep(0)
            return {"type": "http.request", "body": b"a", "more_body": True}

        with pytest.raises(Malformed):
            await read_body(receive, limit=9, seconds=10)

    async def test_who_gives_up_tells_the_server_so(self) -> None:
        told = []

        async def receive() -> Mapping[str, Any]:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                told.append("cancelled")
                raise
            return {}

        reading = asyncio.create_task(read_body(receive, limit=9, seconds=PATIENT))
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert told == ["cancelled"]

    async def test_whatever_can_be_awaited_may_bring_it(self) -> None:
        """ASGI asks for an awaitable, and for nothing else of it."""
        message = {"type": "http.request", "body": b"abc"}

        class Steps:
            """It brings nothing, after two rounds of the loop."""

            def __await__(self) -> Any:
                return iter([None, None])

        def receive() -> Awaitable[Any]:
            future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(future.set_result, message)
            return future

        assert await read_body(receive, limit=9, seconds=PATIENT) == b"abc"
        with pytest.raises(TypeError):
            await read_body(Steps, limit=9, seconds=PATIENT)


class TestHeaders:
    @pytest.mark.parametrize(
        ("value", "size"), [(None, None), (b"0", 0), (b"42", 42), (b"9" * 18, 10**18 - 1)]
    )
    def test_x03_a_length_is_a_plain_number(self, value: bytes | None, size: int | None) -> None:
        assert announced_size(value) == size

    @pytest.mark.parametrize("value", [b"", b"-1", b"+1", b"1.0", b"1 ", b"0x1", b"1,1", b"\xb2"])
    def test_x03_anything_else_is_malformed(self, value: bytes) -> None:
        with pytest.raises(Malformed):
            announced_size(value)

    @pytest.mark.parametrize("digits", [19, 4_301, 100_000])
    def test_x03_a_number_beyond_all_bodies_is_too_large(self, digits: int) -> None:
        with pytest.raises(TooLarge):
            announced_size(b"9" * digits)

    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            (b"application/json", bodies.JSON_TYPE),
            (b"Application/JSON ; Charset=UTF-8", bodies.JSON_TYPE),
            (b'application/json; charset="utf-8"', bodies.JSON_TYPE),
            (b"application/x-www-form-urlencoded", bodies.FORM_TYPE),
        ],
    )
    def test_two_types_are_read(self, written: bytes, meant: bytes) -> None:
        assert media_type(written, None) == meant

    @pytest.mark.parametrize(
        ("written", "encoding"),
        [
            (None, None),
            (b"", None),
            (b"text/plain", None),
            (b"multipart/form-data; boundary=x", None),
            (b"application/json; charset=utf-16", None),
            (b"application/json; boundary=x", None),
            (b"application/json;;", None),
            (b"application/json", b"gzip"),
            (b"application/json", b"identity"),
            (b"application/json", b""),
        ],
    )
    def test_i11_nothing_else_is(self, written: bytes | None, encoding: bytes | None) -> None:
        with pytest.raises(UnsupportedMediaType):
            media_type(written, encoding)


class TestParsing:
    def test_an_object_is_read(self) -> None:
        assert parse_json('{"é": [1, null, {"a": "\\u00e9"}]}'.encode()) == {
            "\u00e9": [1, None, {"a": "\u00e9"}]
        }

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"[]",
            b"null",
            b'{"a": 1} x',
            b'{"a": 1, "a": 1}',
            b'{"a": {"b": 1, "b": 1}}',
            b'{"a": 1, "\\u0061": 2}',
            b'{"a": NaN}',
            b'{"a": -Infinity}',
            b'{"a": 01}',
            b'{"a": "\n"}',
            b'{"a": "\xff"}',
            b'\xef\xbb\xbf{"a": 1}',
            b'{"a": ' + b"9" * 5_000 + b"}",
            b'{"a": ' + b"[" * 60_000,
            b'{"a": ' + b'{"a": ' * 20_000,
        ],
    )
    def test_i03_what_is_not_one_object_in_strict_json_is_malformed(self, raw: bytes) -> None:
        with pytest.raises(Malformed):
            parse_json(raw)

    @pytest.mark.parametrize(
        ("raw", "fields"),
        [
            (b"", {}),
            (b"a=1&b=", {"a": "1", "b": ""}),
            (b"a=%C3%A9+x%26", {"a": "\u00e9 x&"}),
        ],
    )
    def test_a_form_is_read(self, raw: bytes, fields: dict[str, str]) -> None:
        assert parse_form(raw) == fields

    @pytest.mark.parametrize(
        "raw",
        [b"a=1&a=2", b"a=%FF", b"a=%ED%A0%80", "a=é".encode(), b"a", b"&", b"x=1&" * 100],
    )
    def test_a_form_with_anything_odd_in_it_is_malformed(self, raw: bytes) -> None:
        with pytest.raises(Malformed):
            parse_form(raw)


class TestConversion:
    def test_what_is_left_out_has_its_default(self) -> None:
        assert convert({"itemName": "pen"}, Order) == Order(item_name="pen")

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("itemName", 1, "This must be text."),
            ("itemName", None, "This must be text."),
            ("itemName", {"$ne": None}, "This must be text."),
            ("itemName", ["pen"], "This must be text."),
            ("itemName", "pencil", "This is too long."),
            ("itemName", "a\0", "This text holds characters that are not allowed."),
            ("itemName", "\ud800", "This text holds characters that are not allowed."),
            ("isGift", "true", "This must be true or false."),
            ("isGift", 1, "This must be true or false."),
            ("isGift", None, "This must be true or false."),
            ("state", "older", "This is not one of the values allowed here."),
            ("state", "new\0", "This text holds characters that are not allowed."),
            ("transport", "Body", "This is not one of the values allowed here."),
            ("note", 1, "This must be text."),
            ("item_name", "pen", "This field is not known here."),
            ("__class__", "x", "This field is not known here."),
        ],
    )
    def test_i01_i04_each_fault_is_named_in_our_own_words(
        self, field: str, value: object, message: str
    ) -> None:
        with pytest.raises(Invalid) as refused:
            convert({"itemName": "pen", field: value}, Order)
        assert [(error.field, error.message) for error in refused.value.errors] == [
            (field, message)
        ]

    def test_all_faults_are_named_at_once(self) -> None:
        with pytest.raises(Invalid) as refused:
            convert({"isGift": 1, "x": 1}, Order)
        assert sorted(error.field for error in refused.value.errors) == ["isGift", "itemName", "x"]

    def test_a_field_that_nobody_knows_is_shown_short_and_in_ascii(self) -> None:
        with pytest.raises(Invalid) as refused:
            convert({"itemName": "pen", "\ud800\u202e" + "x" * 999: 1}, Order)
        [error] = refused.value.errors
        assert error.field == "\\ud800\\u202e" + "x" * 62
