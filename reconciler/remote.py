"""The calls that serve each kind, a row a kind, behind two types: what can only read, and what can write.

Planning is given a `Reader` and nothing else. What the client layer raises comes out as `CallFailed`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from reconciler.auth import AuthAPIError, AuthClient, AuthScopes, GlobusError
from reconciler.errors import CallFailed, NotAuthenticated, Outcome
from reconciler.kinds import KINDS
from reconciler.model import Fields, Live, Secret

Document = Mapping[str, Any]

SCOPES: tuple[str, ...] = (AuthScopes.openid, AuthScopes.manage_projects, AuthScopes.view_identities)
"""What the token must be good for: who calls, the objects themselves, and the names of people and providers."""


@dataclass(frozen=True, slots=True)
class Calls:
    """How one kind is listed, read, made, changed and deleted. `one` is None where the service cannot read a single."""

    listed: Callable[[AuthClient, str], Iterable[Document]]
    one: Callable[[AuthClient, str], Document] | None
    create: Callable[[AuthClient, str, dict[str, Any]], Document]
    update: Callable[[AuthClient, str, dict[str, Any]], Document] | None
    delete: Callable[[AuthClient, str, str], object]


def _created_scope(client: AuthClient, parent: str, fields: dict[str, Any]) -> Document:
    """Pick the scope that is meant: the service makes one for the client's id, and one for each of its domains."""
    fqdn = fields.pop("fqdn", None)
    made = client.create_scope(parent, **fields)
    rows: list[Document] = made["scopes"] if "scopes" in made else [made["scope"]]
    found = [row for row in rows if f"/{fqdn or parent}/" in row["scope_string"]]
    if fqdn and not found:
        raise ValueError("no scope of this domain was made")
    return (found or rows)[0]


CALLS: Mapping[str, Calls] = {
    "project": Calls(
        listed=lambda client, _: client.get_projects(),
        one=lambda client, key: client.get_project(key)["project"],
        create=lambda client, _, fields: client.create_project(**fields)["project"],
        update=lambda client, key, fields: client.update_project(key, **fields)["project"],
        delete=lambda client, _, key: client.delete_project(key),
    ),
    "policy": Calls(
        listed=lambda client, _: client.get_policies(),
        one=lambda client, key: client.get_policy(key)["policy"],
        create=lambda client, parent, fields: client.create_policy(project_id=parent, **fields)["policy"],
        update=lambda client, key, fields: client.update_policy(key, **fields)["policy"],
        delete=lambda client, _, key: client.delete_policy(key),
    ),
    "client": Calls(
        listed=lambda client, _: client.get_clients(),
        one=lambda client, key: client.get_client(client_id=key)["client"],
        create=lambda client, parent, fields: client.create_client(project=parent, **fields)["client"],
        update=lambda client, key, fields: client.update_client(key, **fields)["client"],
        delete=lambda client, _, key: client.delete_client(key),
    ),
    "scope": Calls(
        listed=lambda client, _: client.get_scopes(),
        one=lambda client, key: client.get_scope(key)["scope"],
        create=_created_scope,
        update=lambda client, key, fields: client.update_scope(key, **fields)["scope"],
        delete=lambda client, _, key: client.delete_scope(key),
    ),
    "credential": Calls(
        listed=lambda client, parent: client.get_client_credentials(parent),
        one=None,
        create=lambda client, parent, fields: client.create_client_credential(parent, **fields)["credential"],
        update=None,
        delete=lambda client, parent, key: client.delete_client_credential(parent, key),
    ),
}


@dataclass(frozen=True, slots=True)
class Made:
    """A new object, with the secret that the service shows this once."""

    live: Live
    secret: Secret | None


@dataclass(frozen=True, slots=True)
class Caller:
    """The id of a person or of a client, and the time by the clock of the service."""

    id: str
    now: datetime


class Reader:
    """Reads objects. Safe to use from many threads."""

    def __init__(self, client: AuthClient) -> None:
        self._client = client

    def listed(self, kind: str, parent: str = "") -> list[Live]:
        """List the objects of a kind that the caller administers, or those of one owner."""
        with failing(f"list {KINDS[kind].section}"):
            rows = list(CALLS[kind].listed(self._client, parent))
            return [KINDS[kind].from_wire(row) for row in rows]

    def one(self, kind: str, identifier: str) -> Live | None:
        """Read one object; None only when the service says 404."""
        read = CALLS[kind].one
        if read is None:
            return None
        call = f"read {kind} {identifier}"
        try:
            with failing(call):
                live = KINDS[kind].from_wire(read(self._client, identifier))
        except CallFailed as error:
            if error.status == 404:
                return None
            raise
        if live.id != identifier:
            raise CallFailed(call, Outcome.DONE, f"the answer is about {live.id}")
        return live

    def caller(self) -> Caller:
        """Ask who the caller is, and what time it is there."""
        with permitted(), failing("ask who the caller is"):
            answer = self._client.userinfo()
            return Caller(str(answer["sub"]), _time(answer.headers.get("Date")))


class Writer:
    """Writes objects. Only an apply is ever given one. Safe to use from many threads."""

    def __init__(self, client: AuthClient) -> None:
        self._client = client

    def create(self, kind: str, parent: str | None, fields: Fields) -> Made:
        """Make an object; the call is sent once."""
        with failing(f"create {kind}"):
            document = dict(CALLS[kind].create(self._client, parent or "", KINDS[kind].to_wire(fields)))
            secret = document.pop("secret", None)
            live = KINDS[kind].from_wire(document)
        if live.parent != parent:
            raise CallFailed(f"create {kind}", Outcome.UNKNOWN, f"the answer is about something in {live.parent}")
        return Made(live, Secret(secret) if secret else None)

    def update(self, kind: str, identifier: str, fields: Fields) -> Live:
        """Change the given fields of an object."""
        update = CALLS[kind].update
        assert update is not None, f"a {kind} has no field that can be changed"
        call = f"update {kind} {identifier}"
        with failing(call):
            live = KINDS[kind].from_wire(update(self._client, identifier, KINDS[kind].to_wire(fields)))
        if live.id != identifier:
            raise CallFailed(call, Outcome.UNKNOWN, f"the answer is about {live.id}")
        return live

    def delete(self, kind: str, parent: str | None, identifier: str) -> None:
        """Delete an object; one that is not there any more is deleted."""
        try:
            with failing(f"delete {kind} {identifier}"):
                CALLS[kind].delete(self._client, parent or "", identifier)
        except CallFailed as error:
            if error.status != 404:
                raise


def _time(date: str | None) -> datetime:
    """Read the time of an answer; one that states none was made now."""
    try:
        return parsedate_to_datetime(date or "").astimezone(UTC)
    except ValueError:
        return datetime.now(UTC)


@contextmanager
def permitted() -> Iterator[None]:
    """Take it for a token without the scopes it needs when a call is refused that anybody with them may make."""
    try:
        yield
    except CallFailed as error:
        if error.status != 403 or error.refused_authentication:
            raise
        raise NotAuthenticated(f"{error}; get a token with the scopes {', '.join(SCOPES)}") from error


@contextmanager
def failing(call: str) -> Iterator[None]:
    """Turn what the client layer raises, and an answer of another shape than documented, into `CallFailed`."""
    try:
        yield
    except AuthAPIError as error:
        asked, outcome = error.info.authorization_parameters, Outcome(error.outcome.replace("-", " "))
        if error.http_status == 404 and error.raw_json is None and error.text.strip():
            what = "something before the service answered that there is no such page (404)"
            raise CallFailed(call, outcome, what) from None
        raise CallFailed(
            call=call,
            outcome=outcome,
            what=error.message or error.http_reason,
            status=error.http_status,
            code=error.code,
            request_id=error.request_id,
            session={name: value for name, value in asdict(asked).items() if value is not None} if asked else {},
        ) from None
    except GlobusError as error:
        raise CallFailed(call, Outcome(error.outcome.replace("-", " ")), str(error)) from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CallFailed(
            call, Outcome.UNKNOWN, f"the answer has an unexpected shape ({type(error).__name__})"
        ) from None
