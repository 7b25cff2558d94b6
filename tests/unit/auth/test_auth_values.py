"""Arguments and answers as values: MISSING, ids, scopes, tokens, responses."""

import copy
import enum
import json
import pickle
import subprocess
import sys
from typing import Any
from uuid import UUID

import pytest
import requests

import reconciler.auth
from reconciler.auth import (
    MISSING,
    AccessTokenAuthorizer,
    AuthClient,
    AuthScopes,
    ClientCredentialsAuthorizer,
    DependentScopeSpec,
    GlobusHTTPResponse,
    GlobusSDKUsageError,
    IterableResponse,
    MissingType,
    OAuthTokenResponse,
)
from reconciler.auth.missing import comma_separated, segment, strings, to_wire
from reconciler.auth.reply import Reply
from reconciler.auth.scopes import scopes_to_str

ID = UUID("41143743-f3c8-4d60-bbdb-eeecaba85bd9")


class Colour(enum.StrEnum):
    RED = "red"


def answer(document: Any, status: int = 200) -> Reply:
    content = json.dumps(document).encode()
    return Reply("GET", "https://x", status, "OK", {"Content-Type": "application/json"}, content, data=document)


def test_missing_is_one_false_value_however_it_is_copied() -> None:
    assert not MISSING
    assert copy.copy(MISSING) is copy.deepcopy(MISSING) is pickle.loads(pickle.dumps(MISSING)) is MISSING
    assert repr(MISSING) == "<reconciler.auth.MISSING>"
    with pytest.raises(TypeError):
        MissingType()


def test_arguments_become_plain_json_without_what_is_missing() -> None:
    value = {
        "id": ID,
        "none": None,
        "left out": MISSING,
        "enum": Colour.RED,
        "list": (ID, MISSING, {"a": MISSING, "b": 1}),
        "set": {"b", "a"},
        "iterator": iter(["x"]),
        "scope": DependentScopeSpec(ID, optional=False, requires_refresh_token=True),
        "flag": True,
    }
    wire = to_wire(value)
    assert wire == {
        "id": str(ID),
        "none": None,
        "enum": "red",
        "list": [str(ID), {"b": 1}],
        "set": ["a", "b"],
        "iterator": ["x"],
        "scope": {"scope": str(ID), "optional": False, "requires_refresh_token": True},
        "flag": True,
    }
    assert type(wire["enum"]) is str


def test_one_id_or_several_become_lists_or_commas() -> None:
    assert strings("a") == ["a"]
    assert strings(ID) == [str(ID)]
    assert strings(["a", ID]) == ["a", str(ID)]
    assert strings(None) is None
    assert strings(MISSING) is MISSING
    assert comma_separated("a,b") == "a,b"
    assert comma_separated(ID) == str(ID)
    assert comma_separated(("a", ID)) == f"a,{ID}"
    assert comma_separated(5) == "5"  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", ["", ".", "..", "a/b", "/", "a\\b", None, MISSING])
def test_id_that_would_name_another_resource_is_refused(wrong: Any) -> None:
    with pytest.raises(GlobusSDKUsageError):
        segment(wrong)


def test_scopes_are_written_with_spaces() -> None:
    assert scopes_to_str("a b") == "a b"
    assert scopes_to_str([AuthScopes.openid, AuthScopes.manage_projects]) == f"openid {AuthScopes.manage_projects}"
    assert AuthScopes.manage_projects == "urn:globus:auth:scope:auth.globus.org:manage_projects"
    assert AuthScopes.view_identities == "urn:globus:auth:scope:auth.globus.org:view_identities"
    assert AuthClient.scopes.resource_server == "auth.globus.org"
    nothing: list[Any] = ["", " ", []]
    for empty in nothing:
        with pytest.raises(GlobusSDKUsageError):
            scopes_to_str(empty)


def test_response_is_read_like_its_data() -> None:
    found = GlobusHTTPResponse(answer({"a": [1]}), client="c")
    assert (found["a"], found.get("a"), found.get("b", 2), "a" in found, bool(found)) == ([1], [1], 2, True, True)
    assert (found.http_status, found.http_reason, found.text) == (200, "OK", '{"a": [1]}')
    assert found.headers["Content-Type"] == found.content_type == "application/json"
    listed = GlobusHTTPResponse(answer([5, 6]))
    assert (listed[0], listed[0:1], listed.get("a", 3), 6 in listed) == (5, [5], 3, True)
    with pytest.raises(ValueError, match="indexed"):
        listed["a"]
    with pytest.raises(KeyError):
        found["b"]
    empty = GlobusHTTPResponse(answer(None))
    assert (bool(empty), "a" in empty, empty.get("a")) == (False, False, None)


def test_response_wraps_another_with_its_client() -> None:
    inner = GlobusHTTPResponse(answer({"a": 1}), "c")
    outer = GlobusHTTPResponse(inner)
    assert (outer["a"], outer.client) == (1, "c")
    with pytest.raises(ValueError, match="brings its client"):
        GlobusHTTPResponse(inner, "d")


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda found: pickle.loads(pickle.dumps(found))])
def test_response_is_copied_and_pickled_without_its_client(again: Any) -> None:
    with AuthClient(base_url="http://127.0.0.1:9") as client:
        found = GlobusHTTPResponse(answer({"a": [1]}), client)
        copied = again(found)
        assert (copied["a"], copied.http_status, copied.text) == ([1], 200, found.text)
        assert copied.headers["Content-Type"] == "application/json"
        assert copied.client is None
        assert found.client is client
        assert again(tokens()).by_scopes["a"]["access_token"] == "t1"


def test_response_is_made_from_the_http_librarys_own() -> None:
    made = requests.Response()
    made.status_code = 200
    made._content = b'{"things": [1, 2]}'
    made.headers["Content-Type"] = "application/json; charset=utf-8"
    assert list(IterableResponse(made, iter_key="things")) == [1, 2]


def test_iterable_response_needs_a_key_and_an_object() -> None:
    with pytest.raises(TypeError, match="default_iter_key"):
        IterableResponse(answer({}))
    with pytest.raises(TypeError, match="iterate"):
        iter(IterableResponse(answer([]), iter_key="x"))


def test_response_shows_no_secret() -> None:
    found = GlobusHTTPResponse(answer({"credential": {"secret": "hunter2", "name": "n"}, "access_token": "hunter2"}))
    assert "hunter2" not in f"{found} {found!r}"
    assert json.loads(str(found))["credential"] == {"secret": "(sensitive)", "name": "n"}
    assert found["credential"]["secret"] == "hunter2"


def tokens() -> OAuthTokenResponse:
    one = {"access_token": "t1", "scope": "a b", "resource_server": "one", "expires_in": 10, "token_type": "Bearer"}
    two = {"access_token": "t2", "scope": "c", "resource_server": "two", "refresh_token": "r2"}
    return OAuthTokenResponse(answer({**one, "other_tokens": [two]}))


def test_tokens_are_found_by_resource_server() -> None:
    found = tokens().by_resource_server
    assert sorted(found) == ["one", "two"]
    assert (found["one"]["access_token"], found["one"]["refresh_token"]) == ("t1", None)
    assert (found["two"]["refresh_token"], found["two"]["token_type"]) == ("r2", None)
    assert isinstance(found["one"]["expires_at_seconds"], int)
    assert found["one"]["expires_at_seconds"] - found["two"]["expires_at_seconds"] in {9, 10, 11}


def test_tokens_are_found_by_scopes_of_one_token() -> None:
    found = tokens().by_scopes
    assert found["a"] == found["b a"] == found["a b"]
    assert found["c"]["access_token"] == "t2"
    assert sorted(found) == ["a", "b", "c"]
    assert "a b" in found
    for wrong in ("a c", "d", "", 5):
        assert wrong not in found
        with pytest.raises(KeyError):
            found[wrong]  # type: ignore[index]
    assert "t1" not in f"{found} {found!r}"


def test_authorizer_needs_a_token_with_its_expiry_and_a_clean_header() -> None:
    application: Any = None
    with pytest.raises(GlobusSDKUsageError, match="together"):
        ClientCredentialsAuthorizer(application, "s", access_token="t")
    with pytest.raises(GlobusSDKUsageError, match="printable") as caught:
        AccessTokenAuthorizer("hunter2\r\nX-Evil: 1").get_authorization_header()
    assert "hunter2" not in str(caught.value)


def test_every_exported_name_is_there_and_documented() -> None:
    assert reconciler.auth.__all__ == sorted(reconciler.auth.__all__, key=reconciler.auth.__all__.index)
    for name in reconciler.auth.__all__:
        assert getattr(reconciler.auth, name).__doc__


@pytest.mark.parametrize("name", [name for name in dir(AuthClient) if name.split("_")[0] in {"create", "update"}])
def test_every_writing_method_names_its_endpoint_its_errors_and_its_source(name: str) -> None:
    text = getattr(AuthClient, name).__doc__
    assert text.splitlines()[0].startswith(("Create", "Change"))
    for part in ("/v2/", "Raises:", "AuthAPIError", "[DOC] SDK 3.40"):
        assert part in text


def test_importing_the_package_imports_neither_jwt_nor_cryptography_nor_the_rest() -> None:
    code = "import sys, reconciler.auth; print(sorted(m for m in sys.modules if m.startswith(('jwt', 'reconciler.'))))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = set(json.loads(out.replace("'", '"')))
    assert "reconciler.auth" in loaded
    assert all(module.startswith("reconciler.auth") for module in loaded)
