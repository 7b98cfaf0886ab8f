"""An operator sees and ends sessions, and rotates keys."""

from tests.cli.conftest import Operator


class TestSessions:
    def test_are_listed_by_address_and_by_id(self, operator: Operator) -> None:
        ada = operator.add_account("ada@example.com")
        ids = [operator.add_session(ada), operator.add_session(ada, "Evil\x1b[2J/1.0")]
        said = operator("sessions", "list", "--user", ada.id, "--json").json["sessions"]
        assert [session["id"] for session in said] == ids[::-1]
        assert said[0]["amr"] == ["pwd"]
        out = operator("sessions", "list", "ada@example.com").out
        assert all(one in out for one in ids)
        assert "\x1b" not in out

    def test_of_one_user_or_none_are_asked_for(self, operator: Operator) -> None:
        both = ("sessions", "list", "ada@example.com", "--user", "1")
        assert "--user" in operator.refused(*both, code=2)
        assert "--user" in operator.refused("sessions", "list", code=2)

    def test_end_one_at_a_time(self, operator: Operator) -> None:
        ada = operator.add_account("ada@example.com")
        first, second = operator.add_session(ada), operator.add_session(ada)
        operator("sessions", "revoke", first)
        assert [session.id for session in operator.live_sessions(ada)] == [second]
        assert "no such live session" in operator.refused("sessions", "revoke", first)
        event = operator.events("--type", "session.ended")[0]
        assert (event["session"], event["details"]) == (first, {"reason": "revoked"})

    def test_end_for_one_user(self, operator: Operator) -> None:
        ada, bob = operator.add_account("ada@example.com"), operator.add_account("bob@example.com")
        for account in (ada, ada, bob):
            operator.add_session(account)
        said = operator("sessions", "revoke", "--user", "ada@example.com")
        assert said.out == "2 live sessions ended.\n"
        assert (len(operator.live_sessions(ada)), len(operator.live_sessions(bob))) == (0, 1)

    def test_end_for_everybody_once_that_is_confirmed(self, operator: Operator) -> None:
        people = [operator.add_account(f"p{number}@example.com") for number in range(3)]
        for account in people:
            operator.add_session(account)
        operator("sessions", "revoke", "--all", stdin="n\n", code=1)
        assert len(operator.live_sessions(people[0])) == 1
        assert operator("sessions", "revoke", "--all", "--yes").out == "3 live sessions ended.\n"
        assert not any(operator.live_sessions(account) for account in people)
        ended = operator.events("--type", "session.all_ended")
        assert {event["subject"] for event in ended} == {account.id for account in people}
        assert operator("sessions", "revoke", "--all", "--yes").out == "0 live sessions ended.\n"

    def test_are_not_ended_by_an_unclear_word(self, operator: Operator) -> None:
        for words in ((), ("1", "--all"), ("--user", "1", "--all")):
            assert "Give one of" in operator.refused("sessions", "revoke", *words, code=2)


class TestKeys:
    def test_take_their_turns(self, operator: Operator) -> None:
        operator("keys", "rotate")
        before = {key["state"]: key for key in operator("keys", "list", "--json").json["keys"]}
        said = operator("keys", "rotate").out
        after = {key["kid"]: key for key in operator("keys", "list", "--json").json["keys"]}
        assert before["next"]["kid"] in said
        assert after[before["next"]["kid"]]["state"] == "signs"
        assert after[before["signs"]["kid"]]["state"] == "verifies"
        assert after[before["signs"]["kid"]]["retiresAt"] is not None
        assert sorted(key["state"] for key in after.values()).count("next") == 1

    def test_are_listed_without_what_is_secret(self, operator: Operator) -> None:
        operator("keys", "rotate")
        told = operator("keys", "list").out + operator("keys", "list", "--json").out
        assert "sealed" not in told
        assert "EdDSA" in told

    def test_sealed_by_another_secret_are_not_rotated(self, operator: Operator) -> None:
        operator("keys", "rotate")
        (operator.folder / "watchword-data" / "secret").write_text("x" * 40)
        assert "WATCHWORD_SECRET=new,former" in operator.refused("keys", "rotate")


class TestUpkeep:
    def test_migrating_says_what_it_did(self, operator: Operator) -> None:
        first = operator("migrate", "--json").json
        assert (first["from"], first["changed"]) == (None, True)
        again = operator("migrate", "--json").json
        assert (again["from"], again["to"], again["changed"]) == (first["to"], first["to"], False)
        assert "has the schema of this version" in operator("migrate").out

    def test_the_reference_is_printed_or_written(self, operator: Operator) -> None:
        assert operator("openapi").json["openapi"] == "3.1.0"
        operator("openapi", "-o", "api.json")
        assert '"/auth/login"' in (operator.folder / "api.json").read_text()
