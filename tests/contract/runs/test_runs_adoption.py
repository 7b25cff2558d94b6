"""Binding what exists already: by its id, or all that can be found again after the bindings were lost."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from reconciler import adoption, state
from reconciler.errors import CannotBind
from reconciler.manifest import load
from reconciler.model import Action, Address, Binding, Reason, digest
from reconciler.survey import survey

ROOT = """\
projects:
  p:
    display_name: P
    contact_email: p@example.org
    admin_ids: [rosalind@globusid.org]
    policies: {a: {display_name: A, description: One}}
    clients:
      web:
        name: Web
        client_type: confidential_client
        credentials: {main: {sink: {file: {path: web.json, format: json}}}, old: {}}
      api: {name: Api, client_type: resource_server, scopes: {read: {name: R, description: R}}}
"""
SECOND = "  q: {display_name: Q, contact_email: p@example.org, admin_ids: [rosalind@globusid.org]}\n"


@pytest.fixture
def adopt(runs: Any) -> Callable[[str, str], Binding]:
    """Import by id, as the command does."""

    def adopt(text: str, identifier: str) -> Binding:
        address, manifests = Address.parse(text), load([runs.folder])
        known, elsewhere = state.state(runs.site), state.others(runs.site)
        meant = adoption.pinned(manifests, address, identifier, known.entries, elsewhere)
        seen = survey(meant, runs.client, known, elsewhere, parallelism=2)
        binding = adoption.adopted(seen, address, identifier)
        entries = {**known.entries, address: binding}
        state.rewrite(runs.site, known.stored, entries, unsettled=known.left.open, run={"command": "import"})
        return binding

    return adopt


@pytest.fixture
def rebuild(runs: Any) -> Callable[..., adoption.Rebuilt]:
    """Find everything again, without writing it."""

    def rebuild(before: dict[Address, Binding] | None = None) -> adoption.Rebuilt:
        fresh = state.fresh(runs.site, state.left(runs.site))
        seen = survey(load([runs.folder]), runs.client, fresh, state.others(runs.site), parallelism=2)
        return adoption.rebuilt(seen, before or {})

    return rebuild


def forget(runs: Any, *texts: str) -> None:
    known = state.state(runs.site)
    entries = {address: binding for address, binding in known.entries.items() if str(address) not in texts}
    state.rewrite(runs.site, known.stored, entries, unsettled=known.left.open, run={"command": "bindings rm"})


def made(runs: Any) -> None:
    runs.write(ROOT)
    runs.settle()


@pytest.mark.parametrize(
    "text", ["project/p", "policy/p/a", "client/p/web", "scope/p/api/read", "credential/p/web/main"]
)
def test_import_binds_as_an_apply_would_and_writes_nothing(runs: Any, adopt: Any, text: str) -> None:
    made(runs)
    before = runs.entries()[text]
    forget(runs, text)
    runs.forget_calls()
    assert replace(adopt(text, before.id), sink=before.sink) == before
    assert runs.entries()[text] == before
    assert all(call.startswith("GET ") or call.endswith("/token") for call in runs.calls()), runs.calls()
    assert runs.plan().plan.operations == ()


def test_imported_object_has_no_drift_yet_and_has_it_later(runs: Any, adopt: Any) -> None:
    made(runs)
    client = runs.id("client/p/web")
    forget(runs, "client/p/web")
    runs.write(ROOT.replace("name: Web", "name: Portal"))
    adopt("client/p/web", client)
    change = next(each for each in runs.plan().plan.changes if str(each.address) == "client/p/web")
    assert [(each.name, each.reason) for each in change.fields] == [("name", Reason.PENDING)]
    runs.write(ROOT)
    runs.call("PUT", f"/v2/api/clients/{client}", {"client": {"name": "Changed by hand"}})
    change = next(each for each in runs.plan().plan.changes if str(each.address) == "client/p/web")
    assert [(each.name, each.reason) for each in change.fields] == [("name", Reason.DRIFT)]


def test_import_says_what_the_next_plan_changes(runs: Any) -> None:
    made(runs)
    runs.write(ROOT.replace("description: One", "description: Two"))
    address, identifier = Address.parse("policy/p/a"), runs.id("policy/p/a")
    forget(runs, "policy/p/a")
    known = state.state(runs.site)
    meant = adoption.pinned(load([runs.folder]), address, identifier, known.entries, {})
    change = adoption.ahead(survey(meant, runs.client, known, {}, parallelism=2), address)
    assert (change.action, [each.name for each in change.fields]) == (Action.ADOPT, ["description"])


@pytest.mark.parametrize(
    ("text", "other", "told"),
    [
        ("client/p/none", "client/p/web", "is not in the manifests"),
        ("client/p/web", "project/p", "is bound to project/p"),
        ("client/p/api", "client/p/web", "is bound to"),
        ("client/p/web", "00000000-0000-4000-8000-000000000000", "no client has the id"),
    ],
)
def test_import_of_what_belongs_to_something_else_is_refused(
    runs: Any, adopt: Any, text: str, other: str, told: str
) -> None:
    made(runs)
    identifier = runs.entries()[other].id if other in runs.entries() else other
    forget(runs, "client/p/web")
    before = runs.site.bindings.read_bytes()
    with pytest.raises(CannotBind, match=told):
        adopt(text, identifier)
    assert runs.site.bindings.read_bytes() == before


def test_import_of_another_kind_or_from_elsewhere_is_refused(runs: Any, adopt: Any) -> None:
    runs.write(ROOT + SECOND)
    runs.settle()
    policy, client, second = runs.id("policy/p/a"), runs.id("client/p/web"), runs.id("project/q")
    forget(runs, "policy/p/a", "client/p/web", "credential/p/web/main", "credential/p/web/old")
    with pytest.raises(CannotBind, match="is a policy, not a client"):
        adopt("client/p/web", policy)
    theirs = runs.call("POST", "/v2/api/clients", {"client": {"name": "Web", "project": second, "public_client": True}})
    with pytest.raises(CannotBind, match="is a client of project/q, not of project/p"):
        adopt("client/p/web", theirs["client"]["id"])
    assert adopt("client/p/web", client).id == client


def test_import_of_what_is_pinned_or_removed_is_refused(runs: Any, adopt: Any) -> None:
    made(runs)
    client = runs.id("client/p/web")
    forget(runs, "client/p/web")
    runs.write(ROOT.replace("api: {", f"api: {{id: {client}, "))
    with pytest.raises(CannotBind, match="is pinned to client/p/api"):
        adopt("client/p/web", client)
    runs.write(ROOT + f"removed: [{{address: client/p/gone, id: {client}}}]\n")
    with pytest.raises(CannotBind, match="is to be removed"):
        adopt("client/p/web", client)
    runs.write(ROOT.replace("        name: Web", f"        id: {runs.id('project/p')}\n        name: Web"))
    with pytest.raises(CannotBind, match="is pinned to"):
        adopt("client/p/web", client)


def test_import_of_what_another_environment_has_bound_is_refused(runs: Any, adopt: Any) -> None:
    made(runs)
    client = runs.id("client/p/web")
    document = json.loads(runs.site.bindings.read_text())
    document.pop("checksum")
    document["environment"] = "prod"
    other = {**document, "checksum": digest(document)}
    (runs.site.folder / "reconciler.bindings.prod.json").write_text(json.dumps(other))
    forget(runs, "client/p/web")
    with pytest.raises(CannotBind, match=r"another environment, by .*prod\.json"):
        adopt("client/p/web", client)


def test_import_of_a_credential_whose_secret_is_not_delivered_is_refused(runs: Any, adopt: Any) -> None:
    made(runs)
    owner, main = runs.id("client/p/web"), runs.id("credential/p/web/main")
    by_hand = runs.call("POST", f"/v2/api/clients/{owner}/credentials", {"credential": {"name": "main"}})["credential"]
    forget(runs, "credential/p/web/main")
    with pytest.raises(CannotBind, match=rf"holds the secret of {main}; a secret is shown only once"):
        adopt("credential/p/web/main", by_hand["id"])
    assert adopt("credential/p/web/old", by_hand["id"]).id == by_hand["id"]


def test_import_answers_a_question_while_others_are_open(runs: Any, adopt: Any) -> None:
    made(runs)
    project, web, api = runs.id("project/p"), runs.id("client/p/web"), runs.id("client/p/api")
    for name, kind in (("Web", "client_identity"), ("Api", "client_identity")):
        runs.call("POST", "/v2/api/clients", {"client": {"name": name, "project": project, "client_type": kind}})
    forget(runs, *(text for text in runs.entries() if not text.startswith("project")))
    assert adopt("client/p/web", web).id == web
    assert adopt("client/p/api", api).id == api
    assert [each.action for each in runs.plan().plan.changes if each.address.kind == "client"] == [Action.NO_OP] * 2


def test_rebuild_finds_everything_again_as_it_was(runs: Any, rebuild: Any) -> None:
    made(runs)
    by_hand = {"credential": {"name": "old"}}
    runs.call("POST", f"/v2/api/clients/{runs.id('client/p/web')}/credentials", by_hand)
    runs.settle()
    before = runs.entries()
    runs.site.bindings.unlink()
    runs.forget_calls()
    found = rebuild()
    assert {str(address): binding for address, binding in found.entries.items()} == before
    assert (found.undecided, found.absent, found.lost) == ((), (), ())
    assert all(call.startswith("GET ") for call in runs.calls()), runs.calls()


def test_rebuild_leaves_out_what_is_ambiguous_with_its_ids(runs: Any, rebuild: Any) -> None:
    made(runs)
    twin = {"name": "Web", "project": runs.id("project/p"), "client_type": "client_identity"}
    made_twice = runs.call("POST", "/v2/api/clients", {"client": twin})["client"]["id"]
    first = runs.id("client/p/web")
    found = rebuild()
    (problem,) = found.undecided
    assert problem.address == "client/p/web"
    assert first in problem.what
    assert made_twice in problem.what
    assert {str(address) for address in found.entries} == {
        "project/p",
        "policy/p/a",
        "client/p/api",
        "scope/p/api/read",
    }
    assert [str(address) for address in found.absent] == ["credential/p/web/main", "credential/p/web/old"]


def test_rebuild_keeps_what_is_known_of_the_same_object(runs: Any, rebuild: Any) -> None:
    runs.write(ROOT.replace("name: Web", "name: Web\n        lifecycle: {prevent_destroy: true}"))
    runs.settle()
    before = state.state(runs.site).entries
    runs.write(ROOT)
    gone = {**before, Address.parse("client/p/gone"): Binding("x")}
    found = rebuild(gone)
    assert found.entries[Address.parse("client/p/web")].prevent_destroy
    assert not rebuild().entries[Address.parse("client/p/web")].prevent_destroy
    assert [str(address) for address in found.lost] == ["client/p/gone"]


def test_rebuild_after_an_incomplete_read_is_refused(runs: Any, rebuild: Any) -> None:
    made(runs)
    runs.fault("GET", "/v2/api/policies", 403, times=99)
    with pytest.raises(CannotBind, match="policies: could not be read completely"):
        rebuild()
