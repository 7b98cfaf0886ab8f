"""The route table is the policy: every address of Watchword, who may come, and what they get."""

from typing import Final

from watchword.domain.roles import Permission
from watchword.web import shapes as s
from watchword.web.api import audit, credentials, operations, sessions, sign_in, users
from watchword.web.policies import PUBLIC, USER, Limit, owner_or, permitted
from watchword.web.routing import Route

AUTH: Final = frozenset({Limit.AUTH})
AUTH_SIGN_IN: Final = frozenset({Limit.AUTH, Limit.SIGN_IN})
FRESH_ADMIN: Final = permitted(Permission.USERS_ROLE, fresh=True)

# fmt: off
ROUTES: Final = (
    # The signed-in user
    Route(method="GET", path="/profile", page=users.profile, who=USER, tag="Profile",
          summary="The caller and the session", answers={200: s.ProfileAnswer}, is_quiet=True),
    Route(method="PATCH", path="/profile", page=users.change_profile, who=USER, tag="Profile",
          summary="Change one's name", body=s.NameBody, answers={200: s.UserAnswer}),
    Route(method="GET", path="/sessions", page=sessions.list_own, who=USER, tag="Sessions",
          summary="One's own live sessions", answers={200: s.SessionsAnswer}),
    Route(method="DELETE", path="/sessions", page=sessions.end_others, who=USER, tag="Sessions",
          summary="End all of one's sessions but this one", answers={200: s.RevokedAnswer}),
    Route(method="DELETE", path="/sessions/{id}", page=sessions.end_one, who=USER, tag="Sessions",
          summary="End one of one's sessions", answers={200: s.MessageAnswer},
          refusals=("NOT_FOUND",)),

    # Signing up, in and out
    Route(method="POST", path="/auth/refresh", page=sign_in.refresh, who=PUBLIC, tag="Sign-in",
          summary="The next access token and refresh token", body=s.RefreshBody,
          optional_body=True, limits=AUTH, answers={200: s.GrantAnswer}, is_quiet=True,
          refusals=("TOKEN_MISSING", "TOKEN_INVALID", "TOKEN_REUSED", "SESSION_EXPIRED",
                    "SESSION_REVOKED")),
    Route(method="POST", path="/auth/register", page=sign_in.register, who=PUBLIC, tag="Sign-in",
          summary="Make an account", body=s.RegisterBody, limits=AUTH,
          answers={201: s.UserAnswer},
          refusals=("CONFLICT", "PASSWORD_TOO_SHORT", "PASSWORD_BLOCKED", "BUSY")),
    Route(method="POST", path="/auth/login", page=sign_in.login, who=PUBLIC, tag="Sign-in",
          summary="Sign in with a password", body=s.LoginBody, limits=AUTH_SIGN_IN,
          answers={200: s.GrantAnswer}, sets_cookies=True,
          refusals=("INVALID_CREDENTIALS", "ACCOUNT_DISABLED", "SESSION_LIMIT",
                    "TOO_MANY_ATTEMPTS", "BUSY")),
    Route(method="POST", path="/auth/setup", page=sign_in.setup, who=PUBLIC, tag="Sign-in",
          summary="Make the first administrator by the one-time link", body=s.SetupBody,
          limits=AUTH_SIGN_IN, answers={200: s.GrantAnswer}, sets_cookies=True,
          refusals=("INVALID_OR_EXPIRED_LINK", "CONFLICT", "PASSWORD_TOO_SHORT",
                    "PASSWORD_BLOCKED", "BUSY")),
    Route(method="POST", path="/auth/logout", page=sign_in.logout, who=PUBLIC, tag="Sign-in",
          summary="Sign out; nobody is kept from it by a limit", body=s.RefreshBody,
          optional_body=True, answers={200: s.MessageAnswer}),
    Route(method="POST", path="/auth/logout-all", page=sign_in.logout_all, who=USER,
          tag="Sign-in", summary="Sign out everywhere", body=s.NoBody, optional_body=True,
          limits=AUTH, answers={200: s.RevokedAnswer}),
    Route(method="POST", path="/auth/reauthenticate", page=credentials.reauthenticate, who=USER,
          tag="Sign-in", summary="Prove once more who one is; earlier access tokens end",
          body=s.ReauthenticateBody, limits=AUTH, answers={200: s.GrantAnswer},
          refusals=("INVALID_CREDENTIALS", "TOO_MANY_ATTEMPTS", "BUSY")),
    Route(method="POST", path="/auth/change-password", page=credentials.change_password, who=USER,
          tag="Sign-in", summary="Change one's password", body=s.ChangePasswordBody, limits=AUTH,
          answers={200: s.MessageAnswer},
          refusals=("INVALID_CREDENTIALS", "TOO_MANY_ATTEMPTS", "PASSWORD_TOO_SHORT",
                    "PASSWORD_BLOCKED", "BUSY")),
    Route(method="GET", path="/auth/csrf", page=credentials.csrf, who=USER, tag="Sign-in",
          summary="The token that a form of the session transport must carry", limits=AUTH,
          answers={200: s.CsrfAnswer}),

    # Users
    Route(method="GET", path="/users", page=users.list_users, who=permitted(Permission.USERS_READ),
          tag="Users", summary="Search the users", answers={200: s.UsersAnswer},
          query=("role", "status", "q", "limit", "cursor")),
    Route(method="GET", path="/users/{id}", page=users.get_user, tag="Users",
          who=owner_or(Permission.USERS_READ), summary="One user",
          answers={200: s.ManagedUserAnswer}, refusals=("NOT_FOUND",)),
    Route(method="DELETE", path="/users/{id}", page=users.delete_user,
          who=owner_or(Permission.USERS_DELETE, fresh_owner=True), tag="Users",
          summary="Delete an account with all that belongs to it", answers={200: s.UserAnswer},
          refusals=("NOT_FOUND", "LAST_ADMIN")),
    Route(method="PUT", path="/users/{id}/role", page=users.change_role, who=FRESH_ADMIN,
          tag="Users", summary="Change a user's role", body=s.RoleBody,
          answers={200: s.ManagedUserAnswer}, refusals=("NOT_FOUND", "LAST_ADMIN")),
    Route(method="PUT", path="/users/{id}/status", page=users.change_status,
          who=permitted(Permission.USERS_STATUS), tag="Users", summary="Disable or enable a user",
          body=s.StatusBody, answers={200: s.ManagedUserAnswer},
          refusals=("NOT_FOUND", "LAST_ADMIN")),
    Route(method="PUT", path="/users/{id}/{role}", page=users.change_role_by_path,
          who=FRESH_ADMIN, tag="Users", summary="Change a user's role, named in the path",
          body=s.NoBody, optional_body=True, answers={200: s.ManagedUserAnswer},
          refusals=("NOT_FOUND", "LAST_ADMIN")),
    Route(method="GET", path="/users/{id}/sessions", page=sessions.list_of_user,
          who=owner_or(Permission.SESSIONS_READ), tag="Users", summary="A user's live sessions",
          answers={200: s.SessionsAnswer}, refusals=("NOT_FOUND",)),
    Route(method="DELETE", path="/users/{id}/sessions", page=sessions.end_of_user,
          who=owner_or(Permission.SESSIONS_END), tag="Users",
          summary="End all of a user's sessions",
          answers={200: s.RevokedAnswer}, refusals=("NOT_FOUND",)),
    Route(method="GET", path="/audit", page=audit.list_events, who=permitted(Permission.AUDIT_READ),
          tag="Users", summary="What happened, newest first", answers={200: s.AuditAnswer},
          query=("user", "type", "from", "to", "limit", "cursor")),

    # Other services and operators. Forward auth is asked once per request of a whole site, by one
    # address, the proxy's: a limit per address would be a limit on the site.
    Route(method="GET", path="/auth/verify", page=operations.verify, who=USER, tag="Operations",
          summary="Forward auth: who is asking, as headers", answers={204: None},
          query=("role",), is_quiet=True, refusals=("FORBIDDEN",)),
    Route(method="GET", path="/.well-known/jwks.json", page=operations.jwks, who=PUBLIC,
          tag="Operations", summary="The public keys of access tokens",
          answers={200: s.JwksAnswer}, is_quiet=True, refusals=("UNAVAILABLE",)),
    Route(method="GET", path="/health/live", page=operations.live, who=PUBLIC, tag="Operations",
          summary="The process answers", answers={200: s.HealthAnswer}, is_quiet=True),
    Route(method="GET", path="/health/ready", page=operations.ready, who=PUBLIC,
          tag="Operations", summary="Requests may be sent here", is_quiet=True,
          answers={200: s.HealthAnswer, 503: s.HealthAnswer}),
    Route(method="GET", path="/health", page=operations.ready, who=PUBLIC, tag="Operations",
          summary="The same as /health/ready", is_quiet=True,
          answers={200: s.HealthAnswer, 503: s.HealthAnswer}),
    Route(method="GET", path="/metrics", page=operations.metrics, who=PUBLIC, tag="Operations",
          summary="Prometheus metrics, for the operator", answers={200: None}, is_quiet=True,
          refusals=("NOT_FOUND",)),
    Route(method="GET", path="/openapi.json", page=operations.openapi, who=PUBLIC,
          tag="Operations", summary="This reference, as OpenAPI 3.1", answers={200: None},
          is_quiet=True),
    Route(method="GET", path="/docs", page=operations.docs, who=PUBLIC, tag="Operations",
          summary="This reference, as a page", answers={200: None}, is_quiet=True),
)
# fmt: on
