"""What is remembered between the two halves of a sign-in."""

import pytest

from watchword.domain.second_step import FirstStep
from watchword.domain.sessions import Transport


class TestTheFirstStep:
    @pytest.mark.parametrize("transport", Transport)
    @pytest.mark.parametrize("remember", [False, True])
    @pytest.mark.parametrize("trusts_device", [False, True])
    @pytest.mark.parametrize("methods", [("pwd",), ("email",), ("pwd", "hwk")])
    def test_is_read_as_it_was_written(
        self, transport: Transport, remember: bool, trusts_device: bool, methods: tuple[str, ...]
    ) -> None:
        first = FirstStep(
            methods=methods, transport=transport, remember=remember, trusts_device=trusts_device
        )
        assert FirstStep.parse(first.to_text()) == first
