"""The sink `vault`: a secret of the KV engine, version 2, of Vault and OpenBao, replaced by check-and-set.

Whose secret each version is stands in its custom metadata, which a token may read that cannot read the secret: first
as `next`, before the version is written, and as `held` once that is certain. Only what is `held` is claimed. What was
`next` when a run was killed is ours to replace, if it was written while that run can have been at work.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from reconciler.errors import SinkFailed
from reconciler.kinds.places import parts
from reconciler.model import Fields, digest
from reconciler.sinks.patience import MayPass, patiently
from reconciler.sinks.shape import Shape, shape
from reconciler.sinks.sink import Delivery, Meta, Surroundings, meta
from reconciler.sinks.web import Answer, Service, Untrusted, escaped

T = TypeVar("T")

_HELD, _NEXT = "reconciler_held_", "reconciler_next_"
_LONGEST: Final = 512
_AT_WORK: Final = timedelta(minutes=3)
_UNTIL = f"{_NEXT}until"
_NAMES = tuple(each.name for each in fields(Meta))


@dataclass(frozen=True, slots=True)
class _Found:
    """What the metadata say: the current version (0: none yet), whether it can be read, since when, and whose it is.

    `date` is the time of the service.
    """

    version: int
    present: bool
    custom: Mapping[str, str]
    date: datetime | None
    written: str = ""

    def claimed(self, prefix: str) -> Meta | None:
        """Whose the current version is, by what was noted under a prefix."""
        if not self.present or self.custom.get(f"{prefix}version") != str(self.version):
            return None
        noted = {name: self.custom.get(prefix + name) for name in _NAMES}
        return Meta(**{name: value or "" for name, value in noted.items()})

    @property
    def ours(self) -> bool:
        """Whether it is this program's to replace."""
        if not self.present or self.claimed(_HELD):
            return True
        return self.claimed(_NEXT) is not None and self._before(self.custom.get(_UNTIL, ""))

    def _before(self, until: str) -> bool:
        try:
            return datetime.fromisoformat(self.written) <= datetime.fromisoformat(until)
        except (ValueError, TypeError):
            return False


class VaultSink:
    """One secret, with a field for each value that is delivered."""

    readable = True
    plaintext = False
    kept = ()

    def __init__(self, mount: str, path: str, written: Shape, settings: str, around: Surroundings) -> None:
        self._mount, self._path = "/".join(parts(mount)), "/".join(parts(path))
        self._shape = written
        self._settings = settings
        self._around = around
        self._made: Service | None = None
        self.destination = f"vault {self._mount}/{self._path}"

    def preflight(self) -> None:
        """Ask for the version of the engine and for what the token may do; see `Sink`."""
        engine = self._ask("GET", f"/v1/sys/internal/ui/mounts/{escaped(self._mount)}", "use the mount")
        if engine.status != 200 or engine.at("data", "options", "version") != "2":
            raise self._failed(f"there is no KV engine of version 2 at {self._mount} that the token may use")
        asked = {"paths": [f"{self._mount}/{kind}/{self._path}" for kind in ("data", "metadata")]}
        answer = self._ask("POST", "/v1/sys/capabilities-self", "ask what it may do", asked)
        found = self._look()
        write = {"update"} if found.version else {"create"}
        for kind, wanted in (("data", write), ("metadata", {"read", "update" if found.version else "create"})):
            path = f"{self._mount}/{kind}/{self._path}"
            may = answer.at("data", path) or answer.at(path) or []
            if missing := sorted(wanted - set(may)) if "root" not in may else []:
                raise self._failed(f"the token has no capability {' and '.join(missing)} on {path}")
        self._replaceable(found)

    def put(self, delivery: Delivery, expected: str | None) -> None:
        """Note what comes, write it in place of the version that was seen, and note that it is there; see `Sink`."""
        coming = meta(delivery, self._settings)
        if any(len(value.encode()) > _LONGEST for value in asdict(coming).values()):
            raise self._failed(f"the metadata take no value of more than {_LONGEST} bytes")
        found = self._look()
        self._replaceable(found)
        held = found.claimed(_HELD)
        if expected is not None and (held is None or held.credential_id not in (expected, delivery.credential_id)):
            raise self._failed(
                f"holds {held.credential_id if held else 'nothing of ours'} rather than {expected}", conflict=True
            )
        version = found.version + 1
        until = {_UNTIL: ((found.date or datetime.now(UTC)) + _AT_WORK).isoformat()}
        self._note({**_without(found.custom, _NEXT), **_noted(_NEXT, version, coming), **until})
        self._write(self._shape.values(delivery), found.version, coming)
        kept = _without(_without(found.custom, _NEXT), _HELD)
        self._note({**kept, **_noted(_HELD, version, coming)})

    def head(self) -> Meta | None:
        """Read the metadata of the current version; see `Sink`."""
        return self._look().claimed(_HELD)

    def delete(self) -> None:
        """Remove all versions and the metadata; see `Sink`."""
        found = self._look()
        self._replaceable(found)
        if found.version and self._ask("DELETE", self._metadata, "delete the secret").status not in {204, 404}:
            raise self._failed("was not deleted")

    @property
    def _data(self) -> str:
        return f"/v1/{escaped(self._mount)}/data/{escaped(self._path)}"

    @property
    def _metadata(self) -> str:
        return f"/v1/{escaped(self._mount)}/metadata/{escaped(self._path)}"

    def _look(self) -> _Found:
        answer = self._ask("GET", self._metadata, "read the metadata")
        if answer.status == 404:
            return _Found(0, present=False, custom={}, date=answer.date)
        version, versions = answer.at("data", "current_version"), answer.at("data", "versions")
        if answer.status != 200 or not isinstance(version, int) or not isinstance(versions, Mapping):
            raise self._failed(f"its metadata cannot be understood ({answer.status})")
        current = versions.get(str(version)) or {}
        present = bool(current) and not current.get("destroyed") and not current.get("deletion_time")
        custom = answer.at("data", "custom_metadata") or {}
        return _Found(version, present, custom, answer.date, str(current.get("created_time")))

    def _write(self, values: Mapping[str, str], version: int, coming: Meta) -> None:
        """Write the version after `version`. Where an answer was lost, the metadata say whether it was written."""
        body = {"options": {"cas": version}, "data": values}
        doubtful = False

        def attempt() -> Answer | None:
            nonlocal doubtful
            try:
                answer = self._service.once("POST", self._data, body)
            except MayPass as error:
                doubtful |= error.sent
                raise
            return None if answer.status == 400 and doubtful and self._arrived(values, version + 1, coming) else answer

        answer = self._spoken(lambda: patiently(attempt, self._around.sleep))
        if answer is None or answer.status in {200, 204}:
            return
        if answer.status == 400:
            self._note(_without(self._look().custom, _NEXT))
            raise self._failed("somebody else has written it in the meantime", conflict=True)
        raise self._refused(answer, "write the secret")

    def _arrived(self, values: Mapping[str, str], version: int, coming: Meta) -> bool:
        """Tell whether the current version is what was written: by its values, or where these are hidden, its note."""
        found = self._look()
        if found.version != version or found.claimed(_NEXT) != coming:
            return False
        answer = self._service.once("GET", f"{self._data}?version={version}")
        return answer.status == 403 or answer.at("data", "data") == values

    def _note(self, custom: Mapping[str, str]) -> None:
        answer = self._ask("POST", self._metadata, "write the metadata", {"custom_metadata": dict(custom)})
        if answer.status not in {200, 204}:
            raise self._failed(f"its metadata were not written ({answer.status})")

    def _replaceable(self, found: _Found) -> None:
        if not found.ours:
            what = "there is a secret that was not delivered from here, or was changed since; move it away"
            raise self._failed(what, conflict=True)

    def _ask(self, method: str, path: str, what: str, body: Mapping[str, Any] | None = None) -> Answer:
        answer = self._spoken(lambda: self._service.call(method, path, body))
        if answer.status in {400, 401, 403}:
            raise self._refused(answer, what)
        return answer

    def _spoken(self, do: Callable[[], T]) -> T:
        try:
            return do()
        except MayPass as error:
            raise self._failed(str(error)) from None

    def _refused(self, answer: Answer, what: str) -> SinkFailed:
        return self._failed(f"the token may not {what} ({answer.status})")

    def _failed(self, what: str, *, conflict: bool = False) -> SinkFailed:
        return SinkFailed(self.destination, what, conflict=conflict)

    @property
    def _service(self) -> Service:
        if self._made is None:
            url, token = self._variable("ADDR"), self._variable("TOKEN")
            for name, value in (("ADDR", url), ("TOKEN", token)):
                if not value:
                    raise self._failed(f"needs VAULT_{name} or BAO_{name} in the environment")
            ca = self._variable("CACERT") or None
            if ca and not Path(ca).is_file():
                raise self._failed("VAULT_CACERT or BAO_CACERT names no file")
            headers = {"X-Vault-Token": token, "X-Vault-Request": "true"}
            if namespace := self._variable("NAMESPACE"):
                headers["X-Vault-Namespace"] = namespace
            try:
                self._made = Service(url, headers, self._around.sleep, ca)
            except Untrusted as error:
                raise self._failed(f"VAULT_ADDR or BAO_ADDR {error}") from None
        return self._made

    def _variable(self, name: str) -> str:
        environ = self._around.environ
        return environ.get(f"BAO_{name}") or environ.get(f"VAULT_{name}") or ""


def make(settings: Fields, around: Surroundings) -> VaultSink:
    """Read the settings `mount`, `path` and `keys`; address and token come from the vendor's variables."""
    written = shape(keys=settings.get("keys"))
    return VaultSink(settings.get("mount", "secret"), settings["path"], written, digest({"vault": settings}), around)


def _noted(prefix: str, version: int, coming: Meta) -> dict[str, str]:
    noted = {"version": str(version), **asdict(coming)}
    return {prefix + name: value for name, value in noted.items()}


def _without(custom: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {name: value for name, value in custom.items() if not name.startswith(prefix)}
