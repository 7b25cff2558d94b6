from collections.abc import Callable
from typing import Any

import pytest

Make = Callable[..., Any]


def new_policy(call: Make, project: str, **fields: Any) -> Any:
    wanted = {"project_id": project, "display_name": "Campus", "description": "Campus only", **fields}
    return call("POST", "/v2/api/policies", {"policy": wanted})["policy"]


def test_new_policy_has_the_documented_fields(rosalind: Make, new_project: Make) -> None:
    project = new_project(rosalind)["id"]
    policy = new_policy(rosalind, project)
    assert rosalind("GET", f"/v2/api/policies/{policy['id']}")["policy"] == policy
    del policy["id"]
    assert policy == {
        "project_id": project,
        "display_name": "Campus",
        "description": "Campus only",
        "high_assurance": False,
        "authentication_assurance_timeout": None,
        "required_mfa": False,
        "domain_constraints_include": None,
        "domain_constraints_exclude": None,
    }


def test_null_and_empty_constraints_are_distinct(rosalind: Make, new_project: Make) -> None:
    policy = new_policy(rosalind, new_project(rosalind)["id"], domain_constraints_include=["example.edu"])
    path = f"/v2/api/policies/{policy['id']}"
    values: tuple[list[str] | None, ...] = ([], None)
    for value in values:
        changed = rosalind("PUT", path, {"policy": {"domain_constraints_include": value}})["policy"]
        assert changed["domain_constraints_include"] == value


def test_high_assurance_is_not_changed_by_an_update(rosalind: Make, new_project: Make) -> None:
    policy = new_policy(rosalind, new_project(rosalind)["id"])
    path = f"/v2/api/policies/{policy['id']}"
    assert rosalind("PUT", path, {"policy": {"high_assurance": True}})["policy"] == policy


def test_mfa_needs_high_assurance(rosalind: Make, new_project: Make) -> None:
    project = new_project(rosalind)["id"]
    lax, strict = new_policy(rosalind, project), new_policy(rosalind, project, high_assurance=True)
    rosalind("PUT", f"/v2/api/policies/{lax['id']}", {"policy": {"required_mfa": True}}, status=400)
    rosalind("PUT", f"/v2/api/policies/{strict['id']}", {"policy": {"required_mfa": True}})


def test_policy_moves_between_projects_of_the_caller(rosalind: Make, ada: Make, new_project: Make) -> None:
    policy = new_policy(rosalind, new_project(rosalind)["id"])
    path = f"/v2/api/policies/{policy['id']}"
    rosalind("PUT", path, {"policy": {"project_id": new_project(ada)["id"]}}, status=403)
    target = new_project(rosalind)["id"]
    assert rosalind("PUT", path, {"policy": {"project_id": target}})["policy"]["project_id"] == target
    rosalind("DELETE", f"/v2/api/projects/{policy['project_id']}")
    rosalind("DELETE", f"/v2/api/projects/{target}", status=409)


@pytest.mark.parametrize(
    "wrong",
    [
        {"authentication_assurance_timeout": -1},
        {"authentication_assurance_timeout": True},
        {"authentication_assurance_timeout": 10**30},
        {"authentication_assurance_timeout": 1.5},
        {"domain_constraints_exclude": [1]},
        {"required_mfa": None},
        {"description": None},
    ],
)
def test_wrong_values_are_refused(rosalind: Make, new_project: Make, wrong: dict[str, Any]) -> None:
    policy = new_policy(rosalind, new_project(rosalind)["id"])
    refusal = rosalind("PUT", f"/v2/api/policies/{policy['id']}", {"policy": wrong}, status=400)
    assert f"policy.{next(iter(wrong))}" in refusal["error_description"]


def test_switch_refuses_including_and_excluding_domains(start: Make, caller: Make, new_project: Make) -> None:
    call = caller(start(domain_constraints_exclusive=True), "rosalind@globusid.org")
    policy = new_policy(call, new_project(call)["id"], domain_constraints_include=["example.edu"])
    both = {"policy": {"domain_constraints_exclude": ["example.org"]}}
    call("PUT", f"/v2/api/policies/{policy['id']}", both, status=400)


def test_switch_answers_a_create_with_what_was_sent(start: Make, caller: Make, new_project: Make) -> None:
    call = caller(start(policy_create_answer="sparse"), "rosalind@globusid.org")
    sent = {"project_id": new_project(call)["id"], "display_name": "P", "description": "D", "high_assurance": True}
    created = call("POST", "/v2/api/policies", {"policy": sent | {"nonsense": 1}})["policy"]
    assert created == sent | {"id": created["id"]}
    assert call("GET", f"/v2/api/policies/{created['id']}")["policy"].keys() > created.keys()


def test_switch_lets_high_assurance_change(start: Make, caller: Make, new_project: Make) -> None:
    call = caller(start(high_assurance_is_mutable=True), "rosalind@globusid.org")
    path = f"/v2/api/policies/{new_policy(call, new_project(call)['id'])['id']}"
    strict = {"policy": {"high_assurance": True, "required_mfa": True}}
    assert call("PUT", path, strict)["policy"]["high_assurance"]
    call("PUT", path, {"policy": {"high_assurance": False}}, status=400)
    lax = {"policy": {"high_assurance": False, "required_mfa": False}}
    assert not call("PUT", path, lax)["policy"]["high_assurance"]


@pytest.mark.parametrize("field", ["project_id", "display_name", "description"])
def test_policy_without_a_required_field_is_refused(rosalind: Make, new_project: Make, field: str) -> None:
    policy = {"project_id": new_project(rosalind)["id"], "display_name": "P", "description": "D"}
    del policy[field]
    refusal = rosalind("POST", "/v2/api/policies", {"policy": policy}, status=400)
    assert refusal["error_description"] == f"policy.{field} is required"


def test_deleted_policy_is_answered_and_gone(rosalind: Make, new_project: Make) -> None:
    policy = new_policy(rosalind, new_project(rosalind)["id"])
    path = f"/v2/api/policies/{policy['id']}"
    assert rosalind("DELETE", path)["policy"] == policy
    rosalind("GET", path, status=404)
