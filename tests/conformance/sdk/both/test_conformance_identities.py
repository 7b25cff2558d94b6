import uuid
from collections.abc import Callable
from typing import Any

import globus_sdk
import pytest

from tests.conformance.conftest import Service

ROSALIND = "bf343d4f-ffd7-5990-ba1c-5c0d84132398"


def test_identities_are_found(admin: globus_sdk.AuthClient, transport: Callable[[Any], dict[str, Any]]) -> None:
    found = admin.get_identities(usernames=["Rosalind@globusid.org", "nobody@globusid.org"])
    assert isinstance(found, globus_sdk.GetIdentitiesResponse)
    assert [one["id"] for one in found] == [ROSALIND]
    assert found.data == {"identities": found.get("identities")}
    assert (found.http_status, transport(found)["http_reason"]) == (200, "OK")
    by_id = admin.get_identities(ids=uuid.UUID(ROSALIND))
    assert by_id.data == found.data


def test_identity_is_provisioned(admin: globus_sdk.AuthClient) -> None:
    name = f"{uuid.uuid4()}@example.edu"
    assert list(admin.get_identities(usernames=name)) == []
    (made,) = admin.get_identities(usernames=name, provision=True)
    assert (made["username"], made["status"]) == (name, "unused")
    assert list(admin.get_identities(ids=made["id"])) == [made]


def test_usernames_and_ids_at_once_are_refused(admin: globus_sdk.AuthClient) -> None:
    with pytest.raises(globus_sdk.AuthAPIError) as refused:
        admin.get_identities(usernames="rosalind@globusid.org", ids=ROSALIND)
    assert refused.value.http_status == 400


def test_identity_map_asks_once_for_many(service: Service, admin: globus_sdk.AuthClient) -> None:
    names = [f"{name}@globusid.org" for name in ("rosalind", "barbara")]
    known = globus_sdk.IdentityMap(admin, [*names, ROSALIND])
    assert known.add("carl@example.edu")
    assert not known.add(ROSALIND)
    service.called()
    assert known["rosalind@globusid.org"]["id"] == ROSALIND
    assert known[ROSALIND]["name"] == "Rosalind Franklin"
    assert known.get("barbara@globusid.org", {})["name"] == "Barbara McClintock"
    assert known["carl@example.edu"]["organization"] == "Example State University"
    assert known.get("nobody@globusid.org") is None
    asked = [path for _, path, _ in service.called() if path == "/v2/api/identities"]
    assert len(asked) == 2, "one for all people, one for nobody"


def test_identity_providers_are_found(admin: globus_sdk.AuthClient) -> None:
    (found,) = admin.get_identity_providers(domains="example.edu")["identity_providers"]
    assert found["domains"] == ["example.edu"]
    assert admin.get_identity_providers(ids=[found["id"]])["identity_providers"] == [found]
