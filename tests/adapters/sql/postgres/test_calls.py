"""What nodes call out is read as it was meant, or not at all."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.adapters.sql.postgres.calls import Called, CallUnknown, Probe, read_call
from watchword.ports import Change, Recorded, Topic


class TestACall:
    @pytest.mark.parametrize("subject", ["u-ada", "", "two words"])
    def test_tells_a_change_whole(self, subject: str) -> None:
        recorded = Recorded(17, 1_800_000_000_000, Change(Topic.SESSION, subject), 3)
        assert read_call(f"n1 1 17 1800000000000 3 session {subject}") == Called("n1", recorded)

    def test_can_be_a_probe_of_a_node_of_any_version(self) -> None:
        assert read_call(str(Probe("n1"))) == read_call("n1 probe more") == Probe("n1")

    @pytest.mark.parametrize(
        "payload",
        ["", "n1", "n1 1", "n1 1 1 1 1 user", "n1 2 1 1 1 user u", "n1 1 x 1 1 user u",
         "n1 1 1 1 1 planet u", "n1 user u"],
    )  # fmt: skip
    def test_s15_that_is_not_known_is_not_guessed_at(self, payload: str) -> None:
        with pytest.raises(CallUnknown):
            read_call(payload)

    @given(st.text())
    def test_s15_is_read_or_refused_whatever_it_is(self, payload: str) -> None:
        with suppress(CallUnknown):
            assert read_call(payload).sender == payload.partition(" ")[0]
