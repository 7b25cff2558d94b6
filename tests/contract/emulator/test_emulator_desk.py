from collections.abc import Callable
from typing import Any

import pytest

from reconciler.emulator import Emulator

Make = Callable[..., Any]


@pytest.fixture
def desk(emulator: Emulator, caller: Make) -> Any:
    return caller(emulator)


def test_log_has_every_request_without_queries_or_secrets(desk: Make, rosalind: Make) -> None:
    rosalind("GET", "/v2/api/identities?usernames=ada@uni.example.org")
    rosalind("GET", "/v2/nothing?token=secret", status=404)
    assert desk("GET", "/_emulator/requests") == [
        {"method": "GET", "path": "/v2/api/identities", "status": 200},
        {"method": "GET", "path": "/v2/nothing", "status": 404},
    ]
    desk("DELETE", "/_emulator/requests")
    assert desk("GET", "/_emulator/requests") == []


@pytest.mark.parametrize("after_commit", [False, True])
def test_fault_meets_the_next_matching_requests(
    desk: Make, rosalind: Make, new_project: Make, after_commit: Any
) -> None:
    project = new_project(rosalind)
    fault = {
        "method": "PUT",
        "path_prefix": "/v2/api/projects",
        "status": 503,
        "after_commit": after_commit,
        "times": 2,
    }
    desk("POST", "/_emulator/faults", fault)
    path = f"/v2/api/projects/{project['id']}"
    assert rosalind("GET", path)["project"] == project
    for _ in range(2):
        refusal = rosalind("PUT", path, {"project": {"display_name": "New"}}, status=503)
        assert refusal["errors"][0]["status"] == "503"
    assert rosalind("GET", path)["project"]["display_name"] == ("New" if after_commit else "Genomics")
    rosalind("PUT", path, {"project": {"display_name": "Newer"}})


def test_cleared_faults_are_gone(desk: Make, rosalind: Make) -> None:
    desk("POST", "/_emulator/faults", {"path_prefix": "/", "status": 500, "times": 5})
    rosalind("GET", "/v2/api/projects", status=500)
    desk("DELETE", "/_emulator/faults")
    rosalind("GET", "/v2/api/projects")


@pytest.mark.parametrize("wrong", [[], {}, {"status": 99}, {"status": "503"}, {"status": 503, "times": "all"}])
def test_wrong_orders_for_faults_are_refused(desk: Make, wrong: Any) -> None:
    desk("POST", "/_emulator/faults", wrong, status=400)
