"""Whoever comes from another system signs in with the password that they had there.

The files have the shapes that those systems export. Hashes are made here by bcrypt, argon2-cffi and
hashlib; that of Firebase, with its parameters, is the published example of Firebase's own tool.
"""

import hashlib
import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import argon2.low_level
import bcrypt
import pytest

from tests.cli.conftest import Operator
from watchword.bootstrap import Core
from watchword.domain.accounts import EmailAddress, Status
from watchword.domain.devices import Origin
from watchword.domain.errors import AccountDisabled
from watchword.domain.sessions import Transport
from watchword.flows.sign_in import Arrival
from watchword.ports import RequestTrace

PASSWORD = "correct horse battery staple"
RAW = PASSWORD.encode()
SALT = b"sixteen bytes ok"

FIREBASE_PASSWORD = "user1password"
HASH_CONFIG = """\
hash_config {
  algorithm: SCRYPT,
  base64_signer_key: jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,
  base64_salt_separator: Bw==,
  rounds: 8,
  mem_cost: 14,
}
"""  # noqa: E501  as the console shows it
SIGNER_KEY = "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMX"
FIREBASE_HASH = (
    "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
)


def base64(content: bytes) -> str:
    return b64encode(content).decode()


def bcrypt_hash(kind: str = "2b", password: bytes = RAW) -> str:
    return bcrypt.hashpw(password, bcrypt.gensalt(4)).decode().replace("$2b$", f"${kind}$")


def argon2_hash(kind: argon2.Type = argon2.Type.ID, version: int = 19) -> str:
    hashed = argon2.low_level.hash_secret(RAW, SALT, 1, 64, 1, 32, kind, version)
    return hashed.decode()


def pbkdf2(algorithm: str, rounds: int, size: int) -> bytes:
    return hashlib.pbkdf2_hmac(algorithm, RAW, SALT, rounds, size)


def django_hashes() -> dict[str, str]:
    salt = "pepperySalt12"
    slow = base64(hashlib.pbkdf2_hmac("sha256", RAW, salt.encode(), 9))
    hard = base64(hashlib.scrypt(RAW, salt=salt.encode(), n=16, r=8, p=1, dklen=64))
    return {
        "pbkdf2": f"pbkdf2_sha256$9${salt}${slow}",
        "scrypt": f"scrypt$16${salt}$8$1${hard}",
        "argon2": f"argon2{argon2_hash()}",
        "bcrypt": f"bcrypt${bcrypt_hash()}",
        "sha256": "bcrypt_sha256$" + bcrypt_hash(password=hashlib.sha256(RAW).hexdigest().encode()),
    }


def keycloak_user(name: str, algorithm: str, rounds: int, digest: bytes, **more: Any) -> Any:
    about = {"hashIterations": rounds, "algorithm": algorithm, **more}
    secret = {"value": base64(digest), "salt": base64(SALT), "additionalParameters": {}}
    return {
        "username": name,
        "email": f"{name}@example.com",
        "emailVerified": True,
        "enabled": True,
        "firstName": "Ada",
        "lastName": "Lovelace",
        "credentials": [
            {"type": "otp", "secretData": "{}", "credentialData": "{}"},
            {
                "type": "password",
                "secretData": json.dumps(secret),
                "credentialData": json.dumps(about),
            },
        ],
    }


def keycloak_users() -> list[Any]:
    parameters = {"hashLength": ["32"], "memory": ["64"], "type": ["id"], "version": ["1.3"]}
    parameters["parallelism"] = ["1"]
    made = argon2.low_level.hash_secret_raw(RAW, SALT, 1, 64, 1, 32, argon2.Type.ID)
    return [
        keycloak_user("sha256", "pbkdf2-sha256", 9, pbkdf2("sha256", 9, 64)),
        keycloak_user("sha512", "pbkdf2-sha512", 9, pbkdf2("sha512", 9, 64)),
        keycloak_user("argon2", "argon2", 1, made, additionalParameters=parameters),
    ]


def realm(users: list[Any]) -> Any:
    """What stands around the users in an export, with words that are meant to mislead."""
    return {
        "realm": "shop",
        "roles": {"realm": [{"name": 'x" : "users": [', "users": [{"email": "no@example.com"}]}]},
        "note": "users",
        "users": users,
        "clients": [{"clientId": "shop"}],
    }


def auth0_user(name: str, /, **more: Any) -> Any:
    return {
        "_id": {"$oid": "5dea9f9c82dd7c0e76e4ec93"},
        "email": f"{name}@example.com",
        "email_verified": True,
        "passwordHash": bcrypt_hash(),
        "tenant": "shop",
        **more,
    }


def firebase_user(name: str, **more: Any) -> Any:
    return {
        "localId": "kYi4EvWQlQTKSfnJ3dRSP6IH3ed2",
        "email": f"{name}@example.com",
        "emailVerified": True,
        "passwordHash": FIREBASE_HASH,
        "salt": "42xEC+ixf3L2lw==",
        "displayName": "Ada",
        "providerUserInfo": [],
        **more,
    }


def supabase_user(name: str, **more: Any) -> Any:
    return {
        "email": f"{name}@example.com",
        "encrypted_password": bcrypt_hash("2a"),
        "email_confirmed_at": "2024-05-01 10:00:00.123456+00",
        "raw_user_meta_data": {"full_name": "Ada"},
        "banned_until": None,
        **more,
    }


def django_user(name: str, password: Any, **more: Any) -> Any:
    fields = {
        "username": name,
        "email": f"{name}@example.com",
        "password": password,
        "first_name": "Ada",
        "last_name": "Lovelace",
        "is_active": True,
        "is_superuser": False,
        **more,
    }
    return {"model": "auth.user", "pk": 1, "fields": fields}


def fastapi_user(name: str, password: str, **more: Any) -> Any:
    flags = {"is_active": True, "is_superuser": False, "is_verified": True}
    return {"email": f"{name}@example.com", "hashed_password": password, **flags, **more}


def write(operator: Operator, name: str, content: Any) -> str:
    """Lines for a list when ``name`` says so, else one document."""
    text = json.dumps(content)
    if name.endswith(".ndjson"):
        text = "\n".join(json.dumps(one) for one in content)
    (operator.folder / name).write_text(text)
    return name


def csv(operator: Operator, *rows: str) -> str:
    (operator.folder / "users.csv").write_text("\n".join(rows) + "\n")
    return "users.csv"


def sign_in(operator: Operator, email: str, password: str = PASSWORD) -> str:
    """The hash that the account has afterwards."""
    arrival = Arrival(transport=Transport.BODY, origin=Origin("", ""), trace=RequestTrace())
    address = EmailAddress.parse(email)

    async def work(core: Core) -> str:
        await core.prepare()
        await core.services.sign_in(address, password, arrival)
        account = await core.store.reading.accounts.find_by_address(address)
        assert account is not None
        return account.password_hash or ""

    return operator.do(work)


@pytest.fixture
def hash_config(operator: Operator) -> str:
    (operator.folder / "hash_config.txt").write_text(HASH_CONFIG)
    return "hash_config.txt"


def quoted(text: str) -> str:
    return '"{}"'.format(text.replace('"', '""'))


class TestEverybodySignsInWithTheOldPassword:
    """And has an Argon2id hash of today's strength afterwards."""

    def comes_over(self, operator: Operator, *words: str, names: list[str]) -> None:
        said = operator("users", "import", *words, "--json")
        assert said.json == {"imported": len(names), "existing": 0, "skipped": 0, "admins": 0}
        for name in names:
            before = operator.account(f"{name}@example.com")
            assert before is not None
            upgraded = sign_in(operator, f"{name}@example.com")
            assert upgraded.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
            assert before.password_hash != upgraded

    def test_from_auth0(self, operator: Operator) -> None:
        users = [auth0_user("ada", name="Ada"), auth0_user("bob", nickname="bob")]
        file = write(operator, "users.ndjson", users)
        self.comes_over(operator, file, "--format", "auth0", names=["ada", "bob"])

    def test_from_firebase(self, operator: Operator, hash_config: str) -> None:
        file = write(operator, "users.json", {"users": [firebase_user("ada")]})
        operator("users", "import", file, "--format", "firebase", "--hash-config", hash_config)
        upgraded = sign_in(operator, "ada@example.com", FIREBASE_PASSWORD)
        assert upgraded.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        ada = operator.account("ada@example.com")
        assert ada is not None
        assert (ada.name, ada.email_verified) == ("Ada", True)

    @pytest.mark.parametrize("name", ["users.ndjson", "users.json"])
    def test_from_supabase(self, operator: Operator, name: str) -> None:
        users = [
            supabase_user("ada"),
            supabase_user("bob", encrypted_password=argon2_hash(argon2.Type.I)),
        ]
        file = write(operator, name, users)
        self.comes_over(operator, file, "--format", "supabase", names=["ada", "bob"])

    def test_from_a_table_of_supabase(self, operator: Operator) -> None:
        columns = "id,email,encrypted_password,email_confirmed_at,raw_user_meta_data,banned_until"
        about = quoted('{"name": "Ada, Countess"}')
        row = f"1,ada@example.com,{bcrypt_hash('2a')},2024-05-01 10:00:00+00,{about},"
        file = csv(operator, columns, row)
        self.comes_over(operator, file, "--format", "supabase", names=["ada"])
        ada = operator.account("ada@example.com")
        assert ada is not None
        assert (ada.name, ada.email_verified) == ("Ada, Countess", True)

    @pytest.mark.parametrize("shape", [realm, list])
    def test_from_keycloak(self, operator: Operator, shape: Callable[[list[Any]], Any]) -> None:
        file = write(operator, "realm.json", shape(keycloak_users()))
        names = ["sha256", "sha512", "argon2"]
        self.comes_over(operator, file, "--format", "keycloak", names=names)

    def test_from_django(self, operator: Operator) -> None:
        hashes = django_hashes()
        group = {"model": "auth.group", "pk": 1, "fields": {"name": "staff", "permissions": []}}
        users = [group, *(django_user(name, encoded) for name, encoded in hashes.items())]
        file = write(operator, "users.json", users)
        self.comes_over(operator, file, "--format", "django", names=list(hashes))

    def test_from_a_table_of_django(self, operator: Operator) -> None:
        columns = "username,email,password,first_name,last_name,is_active,is_superuser"
        hashes = django_hashes()
        rows = [f"{n},{n}@example.com,{quoted(h)},,,t,f" for n, h in hashes.items()]
        file = csv(operator, columns, *rows)
        self.comes_over(operator, file, "--format", "django", names=list(hashes))

    def test_from_fastapi_users(self, operator: Operator) -> None:
        users = [fastapi_user("ada", argon2_hash()), fastapi_user("bob", bcrypt_hash())]
        file = write(operator, "users.ndjson", users)
        self.comes_over(operator, file, "--format", "fastapi-users", names=["ada", "bob"])

    def test_from_a_table_of_fastapi_users(self, operator: Operator) -> None:
        columns = "id;email;hashed_password;is_active;is_superuser;is_verified"
        file = csv(operator, columns, f"1;ada@example.com;{argon2_hash()};1;0;1")
        self.comes_over(operator, file, "--format", "fastapi-users", names=["ada"])


class TestWhoeverWasShutOutStaysOut:
    @pytest.mark.parametrize(
        ("system", "user"),
        [
            ("auth0", auth0_user("ada", blocked=True)),
            ("supabase", supabase_user("ada", banned_until="2999-01-01T00:00:00Z")),
            ("supabase", supabase_user("ada", banned_until="infinity")),
            ("keycloak", {**keycloak_users()[0], "email": "ada@example.com", "enabled": False}),
            ("django", django_user("ada", django_hashes()["pbkdf2"], is_active=False)),
            ("fastapi-users", fastapi_user("ada", bcrypt_hash(), is_active=0)),
        ],
    )
    def test_wherever_they_come_from(self, operator: Operator, system: str, user: Any) -> None:
        operator("users", "import", write(operator, "u.json", [user]), "--format", system)
        with pytest.raises(AccountDisabled):
            sign_in(operator, "ada@example.com")

    def test_of_firebase(self, operator: Operator, hash_config: str) -> None:
        file = write(operator, "u.json", {"users": [firebase_user("ada", disabled=True)]})
        operator("users", "import", file, "--format", "firebase", "--hash-config", hash_config)
        with pytest.raises(AccountDisabled):
            sign_in(operator, "ada@example.com", FIREBASE_PASSWORD)


class TestNobodyBecomesAnAdministrator:
    USERS: ClassVar = {
        "django": django_user("ada", "!", is_superuser=True),
        "fastapi-users": fastapi_user("ada", "", is_superuser=True),
    }

    @pytest.mark.parametrize("system", USERS)
    def test_unless_it_is_asked_for(self, operator: Operator, system: str) -> None:
        file = write(operator, "u.json", [self.USERS[system]])
        operator("users", "import", file, "--format", system)
        ada = operator.account("ada@example.com")
        assert ada is not None
        assert ada.role == "user"

    @pytest.mark.parametrize("system", USERS)
    def test_and_superusers_when_it_is(self, operator: Operator, system: str) -> None:
        file = write(operator, "u.json", [self.USERS[system]])
        said = operator("users", "import", file, "--format", system, "--grant-admin")
        assert "(1 administrator)" in said.out

    def test_where_there_are_no_superusers(self, operator: Operator) -> None:
        file = write(operator, "u.json", [])
        words = ("users", "import", file, "--format", "keycloak", "--grant-admin")
        assert "--format django and fastapi-users" in operator.refused(*words)


class TestABadRecord:
    """It is told by its number with the reason, and nothing of it is taken."""

    HOSTILE: tuple[tuple[str, Any, str], ...] = (
        ("django", django_user("x", "pbkdf2_sha1$1$salt$AAAA"), "No password can be verified"),
        ("django", django_user("x", "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99"), "No password"),
        ("django", django_user("x", 1), "password: This must be a text"),
        ("django", django_user("x", "!", is_active="maybe"), "is_active: Use true or false"),
        ("django", django_user("x", "!", first_name="a\0b"), "name: A name cannot hold"),
        ("django", django_user("x", "!", email="", username="x"), "email: Enter an e-mail"),
        ("django", {"username": "x", "email": "x@example.com"}, "password: Export this field"),
        ("django", {"model": "auth.user", "fields": []}, "fields: This must be an object"),
        ("django", django_user("x", "!", email="x\ud800@example.com"), "half a character"),
        ("django", django_user("x", "!", bio="x" * 300_000), "longer than 262,144 bytes"),
        ("django", django_user("x", "!", first_name="x" * 5_000), "first_name: This is longer"),
        ("django", "{" * 3, "not a JSON object"),
        ("supabase", supabase_user("x", raw_user_meta_data=[]), "raw_user_meta_data: This must"),
        ("supabase", {"email": "x@example.com"}, "encrypted_password: Export this field too"),
        ("supabase", supabase_user("x", email=None), "email: Enter an e-mail address"),
        ("fastapi-users", fastapi_user("x", "plain text"), "No password can be verified"),
        ("fastapi-users", {"email": "x@example.com", "hashed_password": ""}, "is_active: Export"),
        ("auth0", auth0_user("x", custom_password_hash={}), "custom_password_hash: Only"),
        ("auth0", auth0_user("x", email=["x@example.com"]), "email: This must be a text"),
        ("keycloak", {"email": "x@example.com", "credentials": 1}, "credentials: This must be"),
        ("keycloak", {"email": "x@example.com", "credentials": [1]}, "credentials: This must be"),
        ("keycloak", keycloak_user("x", "pbkdf2", 9, SALT), "hash of this algorithm"),
        ("keycloak", keycloak_user("x", "argon2", 1, SALT), "type must be a list of one text"),
        ("keycloak", keycloak_user("x", "pbkdf2-sha256", 10**9, SALT), "No password can be"),
    )

    @pytest.mark.parametrize(("system", "bad", "reason"), HOSTILE)
    def test_is_told_by_its_number_and_left_out(
        self, operator: Operator, system: str, bad: Any, reason: str
    ) -> None:
        fit = {
            "django": django_user("ada", "!"),
            "supabase": supabase_user("ada"),
            "fastapi-users": fastapi_user("ada", ""),
            "auth0": auth0_user("ada"),
            "keycloak": keycloak_users()[0],
        }[system]
        file = write(operator, "u.json", [fit, bad, 1, fit])
        said = operator("users", "import", file, "--format", system, code=3)
        assert "Record 2: " in said.err
        assert reason in said.err
        assert "Record 3: This is not a JSON object" in said.err
        assert said.out.endswith("1 account imported, 1 existed already, 2 records skipped.\n")
        assert operator.account("x@example.com") is None

    @pytest.mark.parametrize(
        "bad", ["[" * 100_000 + "]" * 100_000, '{"a":' * 9_000 + "1" + "}" * 9_000]
    )
    def test_i03_that_is_a_bomb_of_brackets_is_left_out(self, operator: Operator, bad: str) -> None:
        fit = json.dumps(django_user("ada", "!"))
        (operator.folder / "u.json").write_text(f"[{bad}, {fit}]")
        said = operator("users", "import", "u.json", "--format", "django", code=3)
        assert "Record 1: This is not a JSON object" in said.err
        assert said.out.startswith("1 account imported")

    def test_i03_in_which_a_name_comes_twice_is_left_out(self, operator: Operator) -> None:
        text = json.dumps(fastapi_user("ada", ""))
        (operator.folder / "u.json").write_text(f'[{text[:-1]}, "is_active": true}}]')
        said = operator("users", "import", "u.json", "--format", "fastapi-users", code=3)
        assert "a name comes twice" in said.err

    def test_is_listed_with_those_whose_address_comes_twice(self, operator: Operator) -> None:
        users = [fastapi_user(name, "") for name in ("ada", "ADA", "bob")]
        file = write(operator, "u.json", [*users, {}])
        words = ("users", "import", file, "--format", "fastapi-users", "--errors", "bad.ndjson")
        said = operator(*words, "--json", code=3)
        assert said.json == {"imported": 2, "existing": 1, "skipped": 1, "admins": 0}
        listed = map(json.loads, (operator.folder / "bad.ndjson").read_text().splitlines())
        assert {one["record"]: one["reason"] for one in listed} == {
            2: "This address has an account already.",
            4: "email: Export this field too; it may be empty.",
        }


class TestFirebase:
    def test_keeps_what_its_hashes_need_within_them(
        self, operator: Operator, hash_config: str
    ) -> None:
        file = write(operator, "u.json", {"users": [firebase_user("ada")]})
        operator("users", "import", file, "--format", "firebase", "--hash-config", hash_config)
        ada = operator.account("ada@example.com")
        assert ada is not None
        assert (ada.password_hash or "").startswith(
            f"$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk={SIGNER_KEY}"
        )

    def test_reads_hashes_in_the_alphabet_of_urls_too(
        self, operator: Operator, hash_config: str
    ) -> None:
        web = str.maketrans("+/", "-_")
        user = firebase_user("ada", passwordHash=FIREBASE_HASH.translate(web))
        file = write(operator, "u.json", {"users": [user]})
        operator("users", "import", file, "--format", "firebase", "--hash-config", hash_config)
        sign_in(operator, "ada@example.com", FIREBASE_PASSWORD)

    def test_without_its_parameters_is_refused_whole(self, operator: Operator) -> None:
        file = write(operator, "u.json", {"users": []})
        assert "--hash-config" in operator.refused("users", "import", file, "--format", "firebase")

    @pytest.mark.parametrize(
        "text",
        [
            "",
            HASH_CONFIG.replace("SCRYPT", "BCRYPT"),
            HASH_CONFIG.replace("rounds: 8", ""),
            HASH_CONFIG.replace("mem_cost: 14", "mem_cost: 30"),
            HASH_CONFIG.replace("==", "!"),
        ],
    )
    def test_with_parameters_that_cannot_be_used_is_refused_whole(
        self, operator: Operator, text: str
    ) -> None:
        (operator.folder / "hash_config.txt").write_text(text)
        file = write(operator, "u.json", {"users": [firebase_user("ada")]})
        refusal = operator.refused(
            "users", "import", file, "--format", "firebase", "--hash-config", "hash_config.txt"
        )
        assert "hash_config.txt" in refusal
        assert SIGNER_KEY not in refusal

    def test_parameters_are_for_it_alone(self, operator: Operator, hash_config: str) -> None:
        file = write(operator, "u.json", [])
        words = ("users", "import", file, "--format", "django", "--hash-config", hash_config)
        assert "--format firebase" in operator.refused(*words)

    def test_as_csv_is_refused_since_a_name_can_forge_an_account(
        self, operator: Operator, hash_config: str
    ) -> None:
        file = csv(operator, "1,eve@example.com,false,,,Eve", "2,ada@example.com,true,x,y,Ada")
        words = ("users", "import", file, "--format", "firebase", "--hash-config", hash_config)
        assert "Export to JSON" in operator.refused(*words)


class TestALongList:
    COUNT = 2_500

    def stopped_at_a_thousand(self, operator: Operator, monkeypatch: pytest.MonkeyPatch) -> str:
        """The file, of which the second thousand is in, but not noted down."""
        users = [fastapi_user(f"p{number}", "") for number in range(self.COUNT)]
        file = write(operator, "u.json", users)
        answers = iter([True, False])
        replace = Path.replace

        def take(path: Path, target: Path) -> Path:
            if not next(answers):
                raise KeyboardInterrupt
            return replace(path, target)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", take)
            said = operator("users", "import", file, "--format", "fastapi-users", code=1)
        assert "goes on where it was" in said.err
        return file

    def test_goes_on_where_it_was(
        self, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = self.stopped_at_a_thousand(operator, monkeypatch)
        said = operator("users", "import", file, "--format", "fastapi-users", "--json")
        assert "Going on after record 1,000." in said.err
        assert said.json == {"imported": 1_500, "existing": 1_000, "skipped": 0, "admins": 0}

    def test_read_in_another_way_begins_anew(
        self, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """How far one format came says nothing about another."""
        file = self.stopped_at_a_thousand(operator, monkeypatch)
        said = operator("users", "import", file, "--format", "supabase", code=3)
        assert "Record 1: encrypted_password" in said.err

    def test_that_is_cut_off_is_told_of(self, operator: Operator) -> None:
        text = json.dumps([fastapi_user("ada", ""), fastapi_user("bob", "")])
        (operator.folder / "u.json").write_text(text[:-20])
        said = operator("users", "import", "u.json", "--format", "fastapi-users", code=3)
        assert "Record 3: The list does not end here" in said.err
        assert said.out.startswith("1 account imported")


class TestATable:
    def test_that_leaves_out_who_was_shut_out_is_refused_whole(self, operator: Operator) -> None:
        file = csv(operator, "email,hashed_password", "ada@example.com,")
        refusal = operator.refused("users", "import", file, "--format", "fastapi-users")
        assert "email, hashed_password, is_active" in refusal

    def test_of_another_system_is_met_with_a_hint(self, operator: Operator) -> None:
        file = csv(operator, "email,hashed_password,is_active", "ada@example.com,,1")
        assert "--format names it" in operator.refused("users", "import", file)


class TestStatuses:
    def test_a_ban_that_is_over_is_over(self, operator: Operator) -> None:
        users = [
            supabase_user("ada", banned_until="2020-01-01 00:00:00+00"),
            supabase_user("bob", banned_until="2020-01-01 00:00:00"),
            supabase_user("cid", deleted_at="2020-01-01 00:00:00"),
            supabase_user("dan", is_anonymous=True),
        ]
        operator("users", "import", write(operator, "u.json", users), "--format", "supabase")
        statuses = [
            account and account.status
            for account in (operator.account(f"{n}@example.com") for n in ("ada", "bob", "cid"))
        ]
        assert statuses == [Status.ACTIVE, Status.ACTIVE, None]
        assert operator.account("dan@example.com") is None
