"""The sink `github`: secrets of GitHub Actions, of a repository or one of its environments, sealed for its key.

They can be written and not read: whose they are is known from the bindings alone. The secret itself is written last,
so that a delivery that breaks off leaves the former one in use.
"""

from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from reconciler.errors import SinkFailed
from reconciler.model import Fields
from reconciler.sinks.extras import library
from reconciler.sinks.patience import MayPass
from reconciler.sinks.shape import Shape, shape
from reconciler.sinks.sink import Delivery, Meta, Surroundings
from reconciler.sinks.web import Answer, Service, Untrusted, escaped

API = "https://api.github.com"
API_VERSION = "2022-11-28"

T = TypeVar("T")


class GitHubSink:
    """As many secrets as `keys` has names."""

    readable = False
    plaintext = False
    kept = ()

    def __init__(self, repository: str, environment: str | None, written: Shape, around: Surroundings) -> None:
        self._shape = written
        self._around = around
        self._made: Service | None = None
        where = f"/repos/{escaped(repository)}"
        self._secrets = where + ("/actions/secrets" if environment is None else "")
        if environment is not None:
            self._secrets = f"{where}/environments/{quote(environment, safe='')}/secrets"
        names = ", ".join(sorted(written.names.values()))
        inside = f" of the environment {environment}" if environment is not None else ""
        self.destination = f"github {repository} {names}{inside}"

    def preflight(self) -> None:
        """Fetch the key and look at each secret, with the rights that writing takes; see `Sink`."""
        key, _ = self._key()
        self._seal("preflight", key)
        for name in self._shape.names.values():
            if (status := self._call("GET", f"{self._secrets}/{name}").status) not in {200, 404}:
                raise self._refused(status, f"look at {name}")

    def put(self, delivery: Delivery, expected: str | None) -> None:
        """Write each secret, the secret of the credential last. What is there cannot be compared with `expected`."""
        del expected
        key = self._key()
        last = self._shape.names["client_secret"]
        values = self._shape.values(delivery)
        for name in (*(each for each in values if each != last), last):
            key = self._write(name, values[name], key)

    def head(self) -> Meta | None:
        """Say that nothing can be read back."""
        raise self._failed("cannot be read back")

    def delete(self) -> None:
        """Remove each of the secrets, that of the credential first; see `Sink`."""
        last = self._shape.names["client_secret"]
        for name in (last, *(each for each in self._shape.names.values() if each != last)):
            if (status := self._call("DELETE", f"{self._secrets}/{name}").status) not in {204, 404}:
                raise self._refused(status, f"delete {name}")

    def _write(self, name: str, value: str, key: tuple[Any, str]) -> tuple[Any, str]:
        """Write one secret; when the key has changed in the meantime, fetch that once and seal anew."""
        for last in (False, True):
            sealed, identifier = self._seal(value, key[0]), key[1]
            answer = self._call("PUT", f"{self._secrets}/{name}", {"encrypted_value": sealed, "key_id": identifier})
            if answer.status in {201, 204}:
                return key
            if answer.status not in {409, 422} or last:
                raise self._refused(answer.status, f"write {name}")
            key = self._key()
        raise AssertionError("the last attempt returns or raises")

    def _key(self) -> tuple[Any, str]:
        public = library("nacl.public", "github", self.destination)
        answer = self._call("GET", f"{self._secrets}/public-key")
        if answer.status != 200:
            raise self._refused(answer.status, "fetch the key")
        try:
            key = public.PublicKey(b64decode(str(answer.at("key")), validate=True))
        except (NoBase64, ValueError, library("nacl.exceptions", "github", self.destination).CryptoError):
            raise self._failed("the key of the repository cannot be understood") from None
        return key, str(answer.at("key_id"))

    def _seal(self, value: str, key: Any) -> str:  # noqa: ANN401 - of a library that may be missing
        box = library("nacl.public", "github", self.destination).SealedBox(key)
        return b64encode(box.encrypt(value.encode())).decode()

    def _call(self, method: str, path: str, body: Mapping[str, str] | None = None) -> Answer:
        """Make a call. Each may be repeated: to write the same again is fine."""
        service = self._service()
        return self._spoken(lambda: service.call(method, path, body))

    def _spoken(self, do: Callable[[], T]) -> T:
        try:
            return do()
        except MayPass as error:
            raise self._failed(str(error)) from None

    def _service(self) -> Service:
        if self._made is None:
            environ = self._around.environ
            token = environ.get("GITHUB_TOKEN") or environ.get("GH_TOKEN")
            if not token:
                raise self._failed("needs GITHUB_TOKEN or GH_TOKEN in the environment")
            headers = {
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {token}",
                "User-Agent": "reconciler",
                "X-GitHub-Api-Version": API_VERSION,
            }
            try:
                self._made = Service(environ.get("GITHUB_API_URL") or API, headers, self._around.sleep, None)
            except Untrusted as error:
                raise self._failed(f"GITHUB_API_URL {error}") from None
        return self._made

    def _refused(self, status: int, what: str) -> SinkFailed:
        why = {401: "the token is not accepted", 403: "the token may not", 404: "it is not there, or hidden"}
        return self._failed(f"cannot {what}: {why.get(status, 'refused')} ({status})")

    def _failed(self, what: str) -> SinkFailed:
        return SinkFailed(self.destination, what)


def make(settings: Fields, around: Surroundings) -> GitHubSink:
    """Read the settings `repository`, `environment` and `keys`; address and token come from the vendor's variables."""
    return GitHubSink(settings["repository"], settings.get("environment"), shape(keys=settings["keys"]), around)
