"""Where a login is kept between commands: the system's keyring, or where there is none, a private file.

One login for each service. What is kept is the refresh token and whose it is; access tokens are never kept.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import keyring
import keyring.backends.fail
import keyring.errors
import platformdirs

from reconciler import files
from reconciler.errors import CannotWrite, NotAuthenticated
from reconciler.model import Secret

SERVICE = "globus-auth-reconciler"
FILE = "logins.json"


@dataclass(frozen=True, slots=True)
class Login:
    """A person's login: with which application it was made, whose it is, and what renews it."""

    client_id: str
    identity: str
    username: str
    refresh_token: Secret


@dataclass(frozen=True, slots=True)
class Keep:
    """Keeps the logins of one person on one machine; `folder` holds the file."""

    folder: Path

    @classmethod
    def of_user(cls) -> "Keep":
        """Choose the place that the system has for a user's settings."""
        return cls(platformdirs.user_config_path(SERVICE))

    def find(self, target: str) -> tuple[Login, str] | None:
        """Look up the login at a service, and where it is; raise NotAuthenticated when it cannot be trusted."""
        with _keyring() as usable:
            kept, where = keyring.get_password(SERVICE, target) if usable else None, "the keyring"
        if kept is None:
            kept, where = self._read().get(target), str(self.folder / FILE)
        return None if kept is None else (_decode(kept, where), where)

    def put(self, target: str, login: Login) -> str:
        """Keep a login in place of the one before; return where it is."""
        if _put(target, _encode(login)):
            self._change(target, None)
            return "the keyring"
        self._change(target, _encode(login))
        return str(self.folder / FILE)

    def drop(self, target: str) -> None:
        """Forget a login, wherever it is."""
        with _keyring() as usable:
            if usable and keyring.get_password(SERVICE, target) is not None:
                keyring.delete_password(SERVICE, target)
        self._change(target, None)

    def _read(self) -> dict[str, str]:
        try:
            with files.folder(self.folder) as folder:
                content = folder.read(FILE, private=True)
            document = json.loads(content) if content is not None else {}
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise NotAuthenticated(f"the login in {self.folder / FILE} is not used: {files.why(error)}") from error
        except ValueError:
            document = None
        if not isinstance(document, dict) or not all(isinstance(each, str) for each in document.values()):
            raise NotAuthenticated(f"{self.folder / FILE} is damaged; delete it, and log in again: reconciler login")
        return document

    def _change(self, target: str, kept: str | None) -> None:
        before = self._read()
        after = {name: each for name, each in before.items() if name != target}
        if kept is not None:
            after[target] = kept
        if after == before:
            return
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            with files.folder(self.folder.parent, self.folder.name, create=True) as folder:
                folder.write(FILE, (json.dumps(after, sort_keys=True) + "\n").encode(), private=True)
        except OSError as error:
            raise CannotWrite(str(self.folder / FILE), files.why(error)) from error


@contextmanager
def _keyring() -> Iterator[bool]:
    """Say whether there is a keyring; one that is locked or broken is an error, not an empty one."""
    try:
        backend = keyring.get_keyring()
    except (ImportError, AttributeError, ValueError) as error:
        what = f"PYTHON_KEYRING_BACKEND names no keyring that there is ({type(error).__name__}); name another"
        raise NotAuthenticated(what) from None
    try:
        yield getattr(backend, "priority", 0) > 0 and not isinstance(backend, keyring.backends.fail.Keyring)
    except keyring.errors.KeyringError as error:
        what = f"the keyring cannot be used ({type(error).__name__}); unlock it, or name another backend in "
        raise NotAuthenticated(what + "PYTHON_KEYRING_BACKEND") from None


def _put(target: str, kept: str) -> bool:
    with _keyring() as usable:
        if usable:
            keyring.set_password(SERVICE, target, kept)
        return usable


def _encode(login: Login) -> str:
    token = login.refresh_token.reveal()
    known = {"client_id": login.client_id, "identity": login.identity, "username": login.username}
    return json.dumps({**known, "refresh_token": token}, sort_keys=True)


def _decode(kept: str, where: str) -> Login:
    try:
        document = json.loads(kept)
        known = [document[name] for name in ("client_id", "identity", "username", "refresh_token")]
    except (ValueError, KeyError, TypeError):
        known = []
    if not known or not all(isinstance(each, str) for each in known):
        raise NotAuthenticated(f"the login in {where} is damaged; log in again: reconciler login")
    return Login(known[0], known[1], known[2], Secret(known[3]))
