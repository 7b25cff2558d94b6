# ruff: noqa: E501 - plans are shown as they are printed
from collections.abc import Callable
from typing import Any

import pytest
from inline_snapshot import snapshot

from reconciler.guards import Consents
from reconciler.model import Plan, Ref, Resource
from reconciler.render.plan import text
from reconciler.render.style import Style

Make = Callable[..., Resource]
Settle = Callable[..., dict[str, Any]]
Planned = Callable[..., Plan]
Named = Callable[[str], Ref]

GENOMICS, WEB, READ = "project/genomics", "client/genomics/web", "scope/genomics/web/read"
DJANGO = "credential/genomics/web/django"
PLAIN = Style()
CONTROL = "\x1b[2J\r\u202e\u200b\n::set-output x"


def test_plan_shows_creates_with_what_is_not_known_yet(resource: Make, ref: Named, planned: Planned) -> None:
    plan = planned(
        resource(GENOMICS, admin_ids=["rosalind", ref(WEB)]),
        resource(WEB, redirect_uris=["https://a.example.org/callback"]),
        resource(DJANGO, sink={"file": {"path": "secret.json"}}),
    )
    assert text(plan, PLAIN) == snapshot("""\
  + project/genomics
      at m.yaml:1:1
      display_name: "genomics"
      contact_email: "ops@example.edu"
      admin_ids: ["rosalind", client/genomics/web (known after apply)]

  + client/genomics/web
      at m.yaml:1:1
      name: "web"
      client_type: "confidential_client"
      redirect_uris: ["https://a.example.org/callback"]

  + credential/genomics/web/django
      at m.yaml:1:1
      name: "django"
      client_secret: (sensitive)

Plan: 0 to adopt, 3 to add, 0 to change, 0 to replace, 0 to delete.
Applying takes 4 calls, then 2 lists to look for twins.\
""")


def test_plan_shows_fields_of_an_update_with_reasons(resource: Make, settled: Settle, planned: Planned) -> None:
    links = {"terms_and_conditions": "https://e.org/t", "privacy_policy": "https://e.org/p"}
    uris = ["https://a.example.org/", "https://b.example.org/"]
    world = settled(resource(GENOMICS), resource(WEB, redirect_uris=uris, links=links, visibility="private"))
    web = resource(
        WEB,
        redirect_uris=["https://b.example.org/", "https://c.example.org/"],
        links=links | {"privacy_policy": "https://e.org/other"},
        visibility="public",
    )
    assert text(planned(resource(GENOMICS), web, **world), PLAIN) == snapshot("""\
  ~ client/genomics/web  client-genomics-web, pending
      at m.yaml:1:1
      ! logins that return to https://a.example.org/ fail
      redirect_uris:  (pending)
        - "https://a.example.org/"
        + "https://c.example.org/"
      links:  (pending)
        privacy_policy: "https://e.org/p" -> "https://e.org/other"
      visibility: "private" -> "public"  (pending)
      # 2 unchanged fields hidden

Plan: 0 to adopt, 0 to add, 1 to change, 0 to replace, 0 to delete.
Applying takes 1 call.\
""")


def test_plan_tells_drift_from_pending_changes(
    resource: Make, settled: Settle, live: Callable[..., Any], planned: Planned
) -> None:
    world = settled(resource(GENOMICS), resource(WEB, visibility="public", name="Web"))
    drifted = live("client", "client-genomics-web", "project-genomics", visibility="private", name="Theirs")
    world["live"] = [world["live"][0], drifted]
    assert text(
        planned(resource(GENOMICS), resource(WEB, visibility="public", name="Ours"), **world), PLAIN
    ) == snapshot("""\
  ~ client/genomics/web  client-genomics-web, both and drift
      at m.yaml:1:1
      name: "Theirs" -> "Ours"  (both)
      visibility: "private" -> "public"  (drift)
      # 1 unchanged field hidden

Plan: 0 to adopt, 0 to add, 1 to change, 0 to replace, 0 to delete.
Applying takes 1 call.\
""")


def test_plan_shows_what_a_replacement_breaks_and_what_would_allow_it(
    resource: Make, settled: Settle, planned: Planned
) -> None:
    world = settled(resource(GENOMICS), resource(WEB), resource(READ))
    manifests = [resource(GENOMICS), resource(WEB, client_type="client_identity"), resource(READ)]
    assert text(planned(*manifests, **world), PLAIN) == snapshot("""\
+/- client/genomics/web  client-genomics-web
      at m.yaml:1:1
      because client_type cannot be changed
      this means a new client id and new secrets, other scope strings, and the loss of all consents
      ! whatever uses the client id client-genomics-web stops working; tokens that were given before stay valid, for up to 48 hours
      client_type: "confidential_client" -> "client_identity"  # cannot be changed
      # 1 unchanged field hidden

+/- scope/genomics/web/read  scope-genomics-web-read
      at m.yaml:1:1
      because client/genomics/web is replaced
      this means a new scope id, and with another suffix or client a new scope string; the loss of all consents to it
      ! requests for https://auth.globus.org/scopes/client-genomics-web/read fail
      ! all consents to it are lost: people are asked again
      client: "client-genomics-web" -> client/genomics/web (known after apply)  # cannot be changed
      # 3 unchanged fields hidden

Refused:
  client/genomics/web: client_type cannot be changed; a replacement means a new client id and new secrets, other scope strings, and the loss of all consents
    to allow it: --allow-replace client/genomics/web

Plan: 0 to adopt, 0 to add, 0 to change, 2 to replace, 0 to delete.
Applying takes 3 calls, then 1 list to look for twins.\
""")


def test_plan_shows_adoptions_deletions_and_renames(resource: Make, settled: Settle, planned: Planned) -> None:
    world = settled(resource(GENOMICS), resource(WEB), resource("client/genomics/old"))
    del world["bindings"][GENOMICS]
    site = resource("client/genomics/site", name="web", previously=[WEB])
    plan = planned(resource(GENOMICS), site, **world, consents=Consents(delete=frozenset({"all"})))
    assert text(plan, PLAIN) == snapshot("""\
 <= project/genomics  is adopted, project-genomics
      at m.yaml:1:1
      # 2 unchanged fields hidden

    client/genomics/site  renamed from client/genomics/web, client-genomics-web
      at m.yaml:1:1

  - client/genomics/old  is deleted, client-genomics-old
      because it has left the manifests
      ! whatever uses the client id client-genomics-old stops working; tokens that were given before stay valid, for up to 48 hours

Plan: 1 to adopt, 0 to add, 0 to change, 0 to replace, 1 to delete, 1 renamed.
Applying takes 1 call.\
""")


def test_plan_that_would_do_nothing_says_so(resource: Make, settled: Settle, planned: Planned) -> None:
    plan = planned(resource(GENOMICS), **settled(resource(GENOMICS)))
    assert text(plan, PLAIN) == snapshot("No changes. The service is as the manifests say.")


def test_part_of_a_root_says_what_is_out_of_scope(resource: Make, planned: Planned) -> None:
    assert "out of scope" in text(planned(resource(GENOMICS), complete=False), PLAIN)


@pytest.mark.parametrize("field", ["display_name", "contact_email"])
def test_text_of_others_cannot_steer_a_terminal(
    resource: Make, settled: Settle, live: Callable[..., Any], planned: Planned, field: str
) -> None:
    world = settled(resource(GENOMICS, **{field: "plain"}))
    world["live"] = [live("project", "project-genomics", **{field: CONTROL})]
    shown = text(planned(resource(GENOMICS, **{field: "plain"}), **world), PLAIN)
    assert not {*"\x1b\r\u202e\u200b"} & {*shown}
    assert r"\u{1b}[2J" in shown or r"\u001b[2J" in shown
    assert not [line for line in shown.splitlines() if line.startswith("::")]


def test_colours_and_ascii_are_a_matter_of_style(resource: Make, planned: Planned) -> None:
    plan = planned(resource(GENOMICS))
    assert "\x1b[32m  +\x1b[0m" in text(plan, Style(colour=True))
    assert text(plan, Style(ascii=True)).isascii()
