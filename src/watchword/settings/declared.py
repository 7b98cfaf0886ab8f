# ruff: noqa: RUF009  `setting` makes a dataclass field, whose default is made anew each time
"""Every setting of this release, each declared once: its name, kind, default and meaning.

To add one: write its field here (or in `declared_services`, `declared_mail`, `declared_stores`,
`declared_places`), add its row to docs/configuration.md (a test holds them equal), and let
`bootstrap` hand its value to whoever needs it. Spans are in ms.

Invariant: nothing here decides anything; `model` reads the declarations and `bootstrap` the values.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from watchword.crypto.keys import Algorithm
from watchword.crypto.secret import Secret
from watchword.domain.accounts import EmailAddress
from watchword.domain.attempts import LockoutPolicy
from watchword.domain.roles import Roles
from watchword.domain.time import Span
from watchword.ports import Allowance
from watchword.settings.addresses import (
    Network,
    email_address,
    network,
    origin,
    server_url,
)
from watchword.settings.choices import Profile, SessionLimit
from watchword.settings.credentials import master_secrets, password, password_hash
from watchword.settings.parsing import (
    allowance,
    duration,
    file_path,
    folder,
    listed,
    lockout,
    number,
    one_of,
    optional,
    or_off,
    setting,
    size,
    text_line,
)
from watchword.settings.roles import roles
from watchword.settings.stores import ServerUrl, database_url

LogFormat = Literal["console", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]

_FORMATS: tuple[LogFormat, ...] = get_args(LogFormat)
_LEVELS: tuple[LogLevel, ...] = get_args(LogLevel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """The settings as fields. Each has its default, and takes a value as it is."""

    profile: Profile = setting(
        "PROFILE",
        one_of(tuple(Profile)),
        default="standard",
        meaning="`standard` or `strict`; it chooses defaults, and a setting that is written wins. "
        "`strict` follows NIST SP 800-63B-4 AAL2 and ASVS level 3.",
    )
    # --- where things are
    data_dir: Path = setting(
        "DATA_DIR",
        folder(),
        default="watchword-data",
        meaning="Folder of the embedded database and the generated secret.",
    )
    database_url: Path | ServerUrl | None = setting(
        "DATABASE_URL",
        optional(database_url()),
        meaning="`sqlite:///path/to/file`, or `postgresql://user:password@host:5432/database`; "
        "without it, `watchword.db` in the data directory.",
    )
    public_url: str = setting(
        "PUBLIC_URL",
        origin(),
        default="http://localhost:8000",
        meaning="The origin that browsers see, and the `iss` of tokens. `https` turns `Secure` and "
        "`__Host-` cookies on. Never taken from a request.",
    )
    audience: str = setting(
        "AUDIENCE",
        text_line(200, absent="the public URL"),
        meaning="The `aud` of access tokens.",
    )
    trusted_proxies: tuple[Network, ...] = setting(
        "TRUSTED_PROXIES",
        listed(network()),
        meaning="Addresses or networks, comma-separated, whose `X-Forwarded-For` hop counts.",
    )
    cors_origins: tuple[str, ...] = setting(
        "CORS_ORIGINS",
        listed(origin()),
        meaning="Exact origins, comma-separated, that may call with credentials.",
    )
    service_name: str = setting(
        "SERVICE_NAME",
        text_line(64),
        default="Watchword",
        meaning="The name that people read; also a word that a password may not be.",
    )
    # --- secrets and keys
    secret: tuple[Secret, ...] = setting(
        "SECRET",
        master_secrets(),
        meaning="At least 32 bytes; several, comma-separated, while rotating: the first signs, all "
        "verify. Without it, one is made once in the data directory.",
    )
    signing_algorithm: Algorithm = setting(
        "SIGNING_ALGORITHM",
        one_of(tuple(Algorithm)),
        default="EdDSA",
        meaning="Of access tokens: `EdDSA`, `ES256`, `RS256` or `HS256`.",
    )
    signing_key_lifetime: Span = setting(
        "SIGNING_KEY_LIFETIME",
        duration("1h", "400d"),
        default="90d",
        meaning="How long a key signs before the next one takes over.",
    )
    # --- the first administrator
    admin_email: EmailAddress | None = setting(
        "ADMIN_EMAIL",
        optional(email_address()),
        meaning="The first administrator, made at start if there is none. Without it, the first "
        "start prints a one-time set-up link.",
    )
    admin_password: Secret | None = setting(
        "ADMIN_PASSWORD",
        optional(password()),
        meaning="The first administrator's password.",
    )
    # --- sessions and tokens
    access_token_ttl: Span = setting(
        "ACCESS_TOKEN_TTL",
        duration("1s", "15m"),
        default="5m",
        meaning="How long an access token lives: `1s` to `15m`.",
    )
    session_idle_ttl: Span = setting(
        "SESSION_IDLE_TTL",
        duration("1s", "400d"),
        default="14d",
        strict="1h",
        meaning="How long a session lives unused; each use starts it again.",
    )
    session_absolute_ttl: Span = setting(
        "SESSION_ABSOLUTE_TTL",
        duration("1s", "400d"),
        default="30d",
        strict="1d",
        meaning="How long a session lives at all; at most a day when it is not to be remembered.",
    )
    refresh_grace: Span = setting(
        "REFRESH_GRACE",
        duration("0", "60s"),
        default="10s",
        strict="0",
        meaning="How long after a rotation the token before it still gets the same answer: "
        "`0` to `60s`.",
    )
    step_up_ttl: Span = setting(
        "STEP_UP_TTL",
        duration("1s", "1d"),
        default="5m",
        meaning="How long a proof of identity opens step-up actions.",
    )
    max_sessions: int = setting(
        "MAX_SESSIONS",
        number(1, 1000),
        default="10",
        meaning="Live sessions of one user: 1 to 1,000.",
    )
    session_limit: SessionLimit = setting(
        "SESSION_LIMIT_POLICY",
        one_of(tuple(SessionLimit)),
        default="evict",
        meaning="Above that number: `evict` the oldest session, or `reject` the new one.",
    )
    # --- passwords, limits, roles
    password_hash: str = setting(
        "PASSWORD_HASH",
        password_hash(),
        default="argon2id,m=19456,t=2,p=1",
        meaning="Argon2id's memory in KiB, passes and lanes. Hashes of other parameters are "
        "replaced at the next sign-in.",
    )
    password_min_length: int = setting(
        "PASSWORD_MIN_LENGTH",
        number(8, 128),
        default="12",
        strict="15",
        meaning="In code points: 8 to 128.",
    )
    breach_url: str | None = setting(
        "BREACH_URL",
        optional(server_url()),
        meaning="A server that knows breached passwords by the range protocol: the address that "
        "the first five digits of a hash are put behind. A new password that it knows is refused.",
    )
    breach_file: Path | None = setting(
        "BREACH_FILE",
        optional(file_path()),
        meaning="A list of breached passwords by their SHA-1, ordered by hash; it is asked first.",
    )
    limit_sign_in: Allowance | None = setting(
        "LIMIT_SIGN_IN",
        or_off(allowance()),
        default="5/10m",
        meaning="Sign-in attempts per client address, `count/period`, or `off`.",
    )
    limit_auth: Allowance | None = setting(
        "LIMIT_AUTH",
        or_off(allowance()),
        default="100/15m",
        meaning="Requests to `/auth/*` per client address, `count/period`, or `off`.",
    )
    limit_mfa: Allowance | None = setting(
        "LIMIT_MFA",
        or_off(allowance()),
        default="10/1h",
        meaning="Wrong codes of a second factor on one account, `count/period`, or `off`.",
    )
    lockout_policy: LockoutPolicy | None = setting(
        "LOCKOUT",
        or_off(lockout()),
        default="5/15m",
        meaning="Failures on one account / its first lock, which doubles up to an hour; or `off`.",
    )
    roles: Roles = setting(
        "ROLES",
        roles(),
        default="admin=* user=",
        meaning="Roles and their permissions, such as `support=users.read,sessions.read editor=`.",
    )
    mfa_roles: tuple[str, ...] = setting(
        "MFA_ROLES",
        listed(text_line(32)),
        meaning="Roles, comma-separated, in force only in sessions that showed a second factor.",
    )
    # --- the machine
    body_limit: int = setting(
        "BODY_LIMIT",
        size("4k", "16m"),
        default="64k",
        meaning="The largest request body, in bytes: `65536`, `64k`, `1m`.",
    )
    request_timeout: Span = setting(
        "REQUEST_TIMEOUT",
        duration("1s", "5m"),
        default="10s",
        meaning="How long a client may take to send a request's head, and its body.",
    )
    hash_threads: int = setting(
        "HASH_THREADS",
        number(0, 256),
        default="0",
        meaning="Passwords hashed at the same time in one process; `0`: as many as cores.",
    )
    hash_queue: int = setting(
        "HASH_QUEUE",
        number(1, 100_000),
        default="64",
        meaning="Passwords that may wait for their turn; beyond that the answer is 503 `BUSY`.",
    )
    hash_deadline: Span = setting(
        "HASH_DEADLINE",
        duration("1s", "1m"),
        default="5s",
        meaning="How long a password may wait for its turn before the answer is 503 `BUSY`.",
    )
    audit_retention: Span | None = setting(
        "AUDIT_RETENTION",
        or_off(duration("1d", "36500d")),
        default="400d",
        meaning="How long audit events are kept; `off`: for ever.",
    )
    log_format: LogFormat | None = setting(
        "LOG_FORMAT",
        optional(one_of(_FORMATS), absent="console on a terminal, else json"),
        meaning="`console` or `json`.",
    )
    log_level: LogLevel = setting(
        "LOG_LEVEL",
        one_of(_LEVELS),
        default="info",
        meaning="`debug`, `info`, `warning` or `error`.",
    )
