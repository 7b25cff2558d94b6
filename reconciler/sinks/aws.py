"""The sink `aws`: a secret of AWS Secrets Manager, each generation a version whose id is made from its credential's.

The description lists whose secrets the version to come and the version of now are, and is written first; the version
that is current tells which of them holds. A version becomes current in place of the one that was seen, or not at all.
"""

import hashlib
import http.client
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from reconciler.errors import SinkFailed
from reconciler.model import Fields, digest
from reconciler.sinks.extras import library
from reconciler.sinks.patience import MayPass, patiently
from reconciler.sinks.shape import Shape, shape
from reconciler.sinks.sink import Delivery, Meta, Surroundings, meta
from reconciler.sinks.web import TIMEOUT, Untrusted, trusted

FORMAT = 1

_CURRENT, _COMING = "AWSCURRENT", "RECONCILER_COMING"
_DAYS = 7
_NOT_THERE = "ResourceNotFoundException"
_PASSING = frozenset({"InternalServiceError", "InternalFailure", "ServiceUnavailable", "ThrottlingException"})
_ALLOWED = frozenset({"ResourceExistsException", _NOT_THERE, "InvalidRequestException", "InvalidParameterException"})


class _Refused(Exception):
    """The service has understood, and refused; `code` says why in its terms."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class _Found:
    """What is there: the id of the current version, whose the listed versions are, and whether all is to go."""

    present: bool = False
    going: bool = False
    current: str | None = None
    listed: Mapping[str, Meta] | None = None

    @property
    def noted(self) -> Meta | None:
        """Whose the current version is, also when it is to go."""
        return (self.listed or {}).get(self.current or "")

    @property
    def held(self) -> Meta | None:
        """Whose secret can be read."""
        return None if self.going else self.noted

    @property
    def ours(self) -> bool:
        """Whether it is this program's to replace."""
        made_and_left = self.current is None and self.listed is not None
        return not self.present or made_and_left or self.noted is not None


class SecretsManagerSink:
    """One secret of one region."""

    readable = True
    plaintext = False
    kept = ()

    def __init__(self, settings: Fields, around: Surroundings, written: Shape) -> None:
        self._name: str = settings["name"]
        self._region: str | None = settings.get("region")
        self._settings = digest({"aws": settings})
        self._shape = written
        self._around = around
        self._made: Any = None
        self.destination = f"aws {self._name}" + (f" in {self._region}" if self._region else "")

    def preflight(self) -> None:
        """Look, and ask for what is never done, because versions do not change: it fails in other words if forbidden.

        Whether a secret may be created that is not there yet cannot be asked.
        """
        found = self._look()
        self._replaceable(found)
        if found.present and found.current is None:
            return
        try:
            self._ask("put_secret_value", ClientRequestToken=found.current or _token(""), SecretString="preflight")
        except _Refused as error:
            if error.code not in _ALLOWED:
                raise self._failed(f"may not write a version ({error.code})") from None

    def put(self, delivery: Delivery, expected: str | None) -> None:
        """List what comes, add it as a version, and make that the current one; see `Sink`."""
        try:
            content = self._shape.render(delivery).decode()
        except ValueError as error:
            raise self._failed(str(error)) from None
        found = self._look()
        self._replaceable(found)
        holds = found.held.credential_id if found.held else None
        if expected is not None and holds not in (expected, delivery.credential_id):
            raise self._failed(f"holds {holds or 'nothing of ours'} rather than {expected}", conflict=True)
        coming, token = meta(delivery, self._settings), _token(delivery.credential_id)
        try:
            self._announce(found, _document({token: coming}, found))
            self._ask("put_secret_value", ClientRequestToken=token, SecretString=content, VersionStages=[_COMING])
            self._turn(token, found.current)
        except _Refused as error:
            raise self._failed(f"may not be written ({error.code})") from None

    def head(self) -> Meta | None:
        """Read the description, and which version is current; see `Sink`."""
        return self._look().held

    def delete(self) -> None:
        """Have the secret deleted in a week, until when it can be restored; see `Sink`."""
        found = self._look()
        self._replaceable(found)
        if found.present and not found.going:
            try:
                self._ask("delete_secret", RecoveryWindowInDays=_DAYS)
            except _Refused as error:
                raise self._failed(f"may not be deleted ({error.code})") from None

    def _look(self) -> _Found:
        try:
            there = self._ask("describe_secret")
        except _Refused as error:
            if error.code == _NOT_THERE:
                return _Found()
            raise self._failed(f"may not be looked at ({error.code})") from None
        stages: Mapping[str, list[str]] = there.get("VersionIdsToStages") or {}
        current = next((version for version, labels in stages.items() if _CURRENT in labels), None)
        return _Found(True, "DeletedDate" in there, current, _listed(there.get("Description") or ""))

    def _announce(self, found: _Found, description: str) -> None:
        """Make the secret, or restore it, and say in its description what comes."""
        if not found.present:
            try:
                self._call("create_secret", Name=self._name, Description=description)
            except _Refused as error:
                # Of an earlier attempt, whose answer was lost, or somebody else's: then the version will tell.
                if error.code != "ResourceExistsException" or not self._look().ours:
                    raise
            return
        if found.going:
            self._ask("restore_secret")
        self._ask("update_secret", Description=description)

    def _turn(self, token: str, before: str | None) -> None:
        """Make a version the current one, in place of `before` alone. The first one is so by itself."""
        current = self._look().current
        if current == before != token:
            move = {"MoveToVersionId": token} | ({"RemoveFromVersionId": before} if before else {})
            try:
                self._ask("update_secret_version_stage", VersionStage=_CURRENT, **move)
            except _Refused as error:
                current = self._look().current
                if current == before:
                    raise self._failed(f"the new version cannot be made the current one ({error.code})") from None
            else:
                current = token
        try:
            self._ask("update_secret_version_stage", VersionStage=_COMING, RemoveFromVersionId=token)
        except (_Refused, SinkFailed):
            logging.getLogger(__name__).debug("%s: a label stays behind", self.destination)
        if current != token:
            raise self._failed("somebody else has written it in the meantime", conflict=True)

    def _replaceable(self, found: _Found) -> None:
        if not found.ours:
            what = "there is a secret that was not delivered from here, or was changed since; move it away"
            raise self._failed(what, conflict=True)

    def _ask(self, operation: str, **arguments: object) -> Mapping[str, Any]:
        return self._call(operation, SecretId=self._name, **arguments)

    def _call(self, operation: str, **arguments: object) -> Mapping[str, Any]:
        """Make a call; each may be repeated, since tokens and labels say what was meant. Raise _Refused."""
        client, errors = self._client()

        def attempt() -> Mapping[str, Any]:
            try:
                answer: Mapping[str, Any] = getattr(client, operation)(**arguments)
            except errors.ClientError as error:
                code = str(error.response.get("Error", {}).get("Code", ""))
                status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
                if code in _PASSING or status >= 500:
                    raise MayPass(f"{operation}: the service cannot answer now ({status})") from None
                raise _Refused(code) from None
            except errors.HTTPClientError as error:
                raise MayPass(f"{operation}: no answer ({type(error).__name__})") from None
            except errors.BotoCoreError as error:
                raise self._failed(f"{operation}: {type(error).__name__}; see the credentials and region") from None
            return answer

        return self._patient(attempt)

    def _patient(self, attempt: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        try:
            return patiently(attempt, self._around.sleep)
        except MayPass as error:
            raise self._failed(str(error)) from None

    def _client(self) -> tuple[Any, Any]:
        boto3 = library("boto3", "aws", self.destination)
        config, errors = (
            library("botocore.config", "aws", self.destination),
            library("botocore.exceptions", "aws", self.destination),
        )
        # What it logs when it is talkative are whole requests; so is what the connections below it would print.
        logging.getLogger("botocore").setLevel(logging.INFO)
        http.client.HTTPConnection.debuglevel = 0
        if self._made is None:
            once = config.Config(connect_timeout=TIMEOUT, read_timeout=TIMEOUT, retries={"total_max_attempts": 1})
            try:
                client = boto3.session.Session().client("secretsmanager", region_name=self._region, config=once)
                trusted(client.meta.endpoint_url)
            except Untrusted as error:
                raise self._failed(f"the address of the service {error}") from None
            except (errors.BotoCoreError, ValueError) as error:
                raise self._failed(f"{type(error).__name__}: see the credentials and region") from None
            self._made = client
        return self._made, errors

    def _failed(self, what: str, *, conflict: bool = False) -> SinkFailed:
        return SinkFailed(self.destination, what, conflict=conflict)


def make(settings: Fields, around: Surroundings) -> SecretsManagerSink:
    """Read the settings `name`, `region`, `format` and `keys`; credentials come as boto3 finds them."""
    return SecretsManagerSink(settings, around, shape(settings.get("format"), settings.get("keys")))


def _token(credential_id: str) -> str:
    """Make the id of a version: the same for the same credential, so that a call can be repeated."""
    return hashlib.sha256(f"reconciler {credential_id}".encode()).hexdigest()


def _document(coming: Mapping[str, Meta], found: _Found) -> str:
    now = {found.current: found.noted} if found.current and found.noted else {}
    versions = {token: asdict(each) for token, each in {**now, **coming}.items()}
    return json.dumps({"reconciler": FORMAT, "versions": versions}, separators=(",", ":"), ensure_ascii=False)


def _listed(description: str) -> Mapping[str, Meta] | None:
    """Read whose the versions are; None when the description is not of this program."""
    try:
        document = json.loads(description)
        if document["reconciler"] != FORMAT:
            return None
        return {token: Meta(**each) for token, each in document["versions"].items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
