"""What cannot be sent is refused as wrong usage before anything is sent, with nothing of the call kept."""

from collections.abc import Callable
from typing import Any

import pytest

from reconciler.auth import (
    AccessTokenAuthorizer,
    AuthClient,
    BasicAuthorizer,
    GlobusAuthorizer,
    GlobusSDKUsageError,
    Outcome,
)

HALF = "\ud800"
CYCLE: dict[str, Any] = {}
CYCLE["self"] = CYCLE

UNSENDABLE: dict[str, Callable[[AuthClient], Any]] = {
    "NaN": lambda c: c.post("/x", data={"a": float("nan"), "b": "hunter2"}),
    "infinity in a method": lambda c: c.create_project("p", float("inf")),  # type: ignore[arg-type]
    "an object": lambda c: c.post("/x", data={"a": object()}),
    "bytes in JSON": lambda c: c.put("/x", data={"a": b"hunter2"}),
    "bytes as JSON": lambda c: c.post("/x", data=b"hunter2", encoding="json"),
    "a key that is no text": lambda c: c.post("/x", data={("a", "b"): 1}),
    "data that contains itself": lambda c: c.post("/x", data=CYCLE),
    "a line break in a header": lambda c: c.get("/x", headers={"X": "hunter2\r\nY: z"}),
    "a number in a header": lambda c: c.get("/x", headers={"X": 5}),  # type: ignore[dict-item]
    "a character that no header has": lambda c: c.get("/x", headers={"X": "\u6f22"}),
    "half a character in a path": lambda c: c.get(f"/{HALF}"),
    "half a character in an id": lambda c: c.get_project(HALF),
    "half a character in a query": lambda c: c.get_identities(usernames=HALF),
    "half a character in text": lambda c: c.post("/x", data=HALF),
    "half a character in a form": lambda c: c.post("/x", data={"a": HALF}, encoding="form"),
    "a port that there is not": lambda c: c.get("http://127.0.0.1:99999/"),
    "a host that is none": lambda c: c.get("http://[x/"),
}


@pytest.mark.parametrize("name", UNSENDABLE)
def test_what_cannot_be_sent_is_refused_without_the_request(name: str, recorder: Any, connect: Any) -> None:
    client = connect(recorder.url, AccessTokenAuthorizer("hunter2"))
    with pytest.raises(GlobusSDKUsageError) as caught:
        UNSENDABLE[name](client)
    assert caught.value.outcome is Outcome.NOT_DONE
    assert "hunter2" not in str(caught.value)
    assert getattr(caught.value.__context__, "request", None) is None
    assert recorder.requests == []


class _Broken(GlobusAuthorizer):
    def get_authorization_header(self) -> str:
        return "Bearer hunter2\r\nX-Evil: 1"


@pytest.mark.parametrize(
    "authorizer",
    [
        _Broken(),
        AccessTokenAuthorizer(None),  # type: ignore[arg-type]
        AccessTokenAuthorizer("hunter2\n"),
        BasicAuthorizer("hunter2", HALF),
    ],
    ids=["of somebody else", "none", "line break", "half a character"],
)
def test_credentials_that_no_header_can_hold_are_refused_and_not_shown(
    authorizer: GlobusAuthorizer, recorder: Any, connect: Any
) -> None:
    with pytest.raises(GlobusSDKUsageError) as caught:
        connect(recorder.url, authorizer).get_projects()
    assert "hunter2" not in f"{caught.value!r} {caught.value.__context__!r}"
    assert recorder.requests == []


def test_name_of_an_application_with_a_line_break_is_refused(recorder: Any) -> None:
    with (
        AuthClient(base_url=recorder.url, app_name="x\r\nX-Evil: 1") as client,
        pytest.raises(GlobusSDKUsageError, match="header"),
    ):
        client.get_projects()
    assert recorder.requests == []


def test_text_is_sent_as_utf_8(recorder: Any, client: AuthClient) -> None:
    client.post("/x", data="\xe9\u6f22")
    assert recorder.requests[0].body.decode() == "\xe9\u6f22"
