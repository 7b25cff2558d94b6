from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.manifest import load
from reconciler.model import Address, Manifests

Load = Callable[..., Manifests]
Complaints = Callable[..., list[str]]

PROJECT = """\
projects:
  p:
    display_name: P
    contact_email: p@example.org
"""
WEB = """\
projects:
  p:
    clients:
      web:
        name: Web
        client_type: confidential_client
        links: {terms_and_conditions: https://a, privacy_policy: https://b}
        redirect_uris: [https://a]
"""


def client(manifests: Manifests, key: str = "web") -> dict[str, object]:
    return dict(manifests.resources[Address("client", ("p", key))].fields)


def test_resources_of_one_project_are_spread_over_files(loaded: Load) -> None:
    manifests = loaded(PROJECT, b=WEB, c="removed: [{address: client/p/x}]", d="removed: [{address: client/p/y}]")
    assert [str(address) for address in manifests.resources] == ["project/p", "client/p/web"]
    assert [str(each.address) for each in manifests.removed] == ["client/p/x", "client/p/y"]


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_lines_end_as_other_systems_end_them(tmp_path: Path, end: str) -> None:
    (tmp_path / "a.yaml").write_bytes((PROJECT + WEB.removeprefix("projects:\n  p:\n")).replace("\n", end).encode())
    web = load([tmp_path], cwd=tmp_path).resources[Address("client", ("p", "web"))]
    assert web.fields["client_type"] == "confidential_client"
    assert str(web.at("links", "privacy_policy")) == "a.yaml:9:66"


def test_two_files_that_set_one_field_are_both_named(complaints: Complaints) -> None:
    assert complaints(
        PROJECT + "outputs: {A: project/p.id}\n",
        b="projects: {p: {display_name: P}}\noutputs: {A: project/p.id}\n",
        c="templates: {clients: {t: {visibility: public}}}",
        d="templates: {clients: {t: {visibility: public}}}",
    ) == [
        "b.yaml:1:16: in the project `p`, `display_name` is already set at a.yaml:3:5",
        "b.yaml:2:11: the output `A` is already set at a.yaml:5:11",
        "d.yaml:1:27: in the client `t`, `visibility` is already set at c.yaml:1:27",
    ]


def test_overlay_merges_maps_and_replaces_lists(loaded: Load) -> None:
    manifests = loaded(
        PROJECT,
        b=WEB,
        prod_overlay="""\
            environment: prod
            projects:
              p:
                clients:
                  web: {redirect_uris: [https://b], links: {privacy_policy: https://c}, visibility: public}
            """,
        later_overlay="projects: {p: {clients: {web: {visibility: private}}}}",
    )
    assert manifests.environment == "prod"
    assert client(manifests) == {
        "name": "Web",
        "client_type": "confidential_client",
        "visibility": "private",
        "redirect_uris": ["https://b"],
        "links": {"terms_and_conditions": "https://a", "privacy_policy": "https://c"},
    }


def test_overlay_keeps_places_of_what_it_merges(loaded: Load) -> None:
    manifests = loaded(PROJECT, b=WEB, x_overlay="projects: {p: {clients: {web: {visibility: public}}}}")
    web = manifests.resources[Address("client", ("p", "web"))]
    assert str(web.place) == "b.yaml:4:7"
    assert str(web.at("visibility")) == "x.overlay.yaml:1:44"
    assert str(web.at("links", "privacy_policy")) == "b.yaml:7:66"
    assert str(web.at("redirect_uris", 0)) == "b.yaml:8:25"
    assert str(web.at("redirect_uris", 5)) == "b.yaml:8:24"
    assert str(web.at("required_idp")) == "b.yaml:4:7"


def test_overlay_leaves_resources_out_with_null(loaded: Load) -> None:
    assert len(loaded(PROJECT, b=WEB, x_overlay="{}").resources) == 2
    manifests = loaded(PROJECT, b=WEB, x_overlay="projects: {p: {clients: {web: null}}}")
    assert [str(address) for address in manifests.resources] == ["project/p"]
    manifests = loaded(PROJECT, b=WEB, x_overlay="projects: {p: null}")
    assert not manifests.resources


def test_overlay_warns_of_leaving_out_what_is_not_there(loaded: Load) -> None:
    manifests = loaded(PROJECT, x_overlay="projects: {p: {clients: {wbe: null}}, q: null}\noutputs: {A: null}\n")
    assert [f"{each.place}: {each.what}" for each in manifests.warnings] == [
        "x.overlay.yaml:1:26: there is no `wbe` here to leave out",
        "x.overlay.yaml:1:39: there is no `q` here to leave out",
        "x.overlay.yaml:2:11: there is no `A` here to leave out",
    ]


def test_overlay_joins_removed_and_leaves_outputs_out(loaded: Load) -> None:
    manifests = loaded(
        PROJECT + "removed: [{address: client/p/x}]\noutputs: {A: project/p.id, B: project/p.id}\n",
        x_overlay="removed: [{address: client/p/y, keep: true}]\noutputs: {A: null}\n",
    )
    assert [(str(each.address), each.keep) for each in manifests.removed] == [
        ("client/p/x", False),
        ("client/p/y", True),
    ]
    assert [each.name for each in manifests.outputs] == ["B"]


def test_only_overlays_leave_out_and_name_environments(complaints: Complaints) -> None:
    assert complaints(PROJECT + "    clients:\n      web:\nenvironment: prod\n") == [
        "a.yaml:6:7: `web` is empty; only an overlay leaves something out with null",
        "a.yaml:7:1: `environment` belongs in an overlay (name the file with --overlay)",
    ]


def test_there_is_one_environment(complaints: Complaints) -> None:
    assert complaints(PROJECT, a_overlay="environment: prod", b_overlay="environment: test") == [
        "b.overlay.yaml:1:14: there is one environment, and it is `prod` already"
    ]


def test_template_is_merged_under_the_resource(loaded: Load) -> None:
    manifests = loaded(
        """\
        templates:
          clients:
            portal:
              client_type: confidential_client
              visibility: public
              redirect_uris: [https://a]
              links: {terms_and_conditions: https://a, privacy_policy: https://b}
              scopes: {s: {name: S, description: S}, t: {name: T, description: T}}
        projects:
          p:
            id: 3f1c2b6e-8d5a-4c0e-9a55-0d8f6b1e7c21
            clients:
              one: {extends: portal, name: One, links: {privacy_policy: https://c}, scopes: {t: null}}
              two: {extends: portal, name: Two, redirect_uris: [https://b], links: null, scopes: {s: {name: Other}}}
        """
    )
    assert client(manifests, "one")["links"] == {
        "terms_and_conditions": "https://a",
        "privacy_policy": "https://c",
    }
    assert client(manifests, "two")["links"] is None
    assert client(manifests, "two")["redirect_uris"] == ["https://b"]
    assert client(manifests, "one")["redirect_uris"] == ["https://a"]
    scopes = [address for address in manifests.resources if address.kind == "scope"]
    assert [str(address) for address in scopes] == ["scope/p/one/s", "scope/p/two/s", "scope/p/two/t"]
    assert manifests.resources[scopes[1]].fields["name"] == "Other"
    assert manifests.resources[scopes[1]].fields["description"] == "S"


def test_templates_do_not_extend_and_unknown_ones_are_suggested(complaints: Complaints) -> None:
    assert complaints(
        """\
        templates:
          clients: {portal: {client_type: resource_server, extends: other}}
          policies: {portla: {description: x}}
        projects:
          p:
            id: 3f1c2b6e-8d5a-4c0e-9a55-0d8f6b1e7c21
            clients: {web: {extends: portla, name: Web, client_type: resource_server}}
        """
    ) == [
        "a.yaml:2:52: templates do not extend templates",
        "a.yaml:7:30: there is no template `portla` of this kind, client (did you mean `portal`?)",
    ]


def test_message_about_a_value_of_a_template_names_both_places(complaints: Complaints) -> None:
    assert complaints(
        """\
        templates: {clients: {t: {client_type: resource_server, redirect_uris: [https://a, https://a]}}}
        projects:
          p:
            id: 3f1c2b6e-8d5a-4c0e-9a55-0d8f6b1e7c21
            clients:
              web: {extends: t, name: Web}
        """
    ) == ["a.yaml:1:84: this stands in `redirect_uris` already, as element 1 [via a.yaml:6:13]"]


NESTED = """\
templates:
  clients:
    t:
      client_type: resource_server
      links: {terms_and_conditions: https://a}
      required_idp: x.example.org
      scopes:
        s: {name: S, dependent_scopes: [scope/./web/nope]}
        x-y: {name: X, description: X, dependent_scopes: [nope, {scope: nope}]}
      credentials: {c: {name: same, sink: {file: {path: /x}}}, d: {name: same}}
"""
TAKEN = """\
projects:
  p:
    id: 3f1c2b6e-8d5a-4c0e-9a55-0d8f6b1e7c21
    clients:
      web: {extends: t, name: Web, scopes: {s: {description: S}}}
"""


def test_message_about_what_a_template_nests_names_both_places(complaints: Complaints) -> None:
    lines = [line.replace(" [via b.yaml:5:13]", " …") for line in complaints(NESTED, b=TAKEN)]
    assert [line.partition(" (")[0] for line in lines] == [
        "a.yaml:5:14: `links` needs both `terms_and_conditions` and `privacy_policy` …",
        "a.yaml:8:41: there is no scope/p/web/nope in the manifests …",
        "a.yaml:9:9: the key `x-y` stands for `scope_suffix`, which must be lower-case letters, digits and _ …",
        "a.yaml:9:59: `nope` names no scope …",
        "a.yaml:9:65: this stands in `dependent_scopes` already, as element 1 …",
        "a.yaml:9:73: `nope` names no scope …",
        "a.yaml:10:57: `path` must be relative to the root …",
        "a.yaml:10:74: credential/p/web/c",
    ]
    assert lines[-1].endswith("and credential/p/web/d have one `name` …")


def test_place_of_what_a_template_gave_names_both_places(loaded: Load) -> None:
    template = NESTED.replace("      links: {terms_and_conditions: https://a}\n", "").replace("/./web/nope", "/./web/s")
    template = template.replace("x-y", "x").replace("[nope, {scope: nope}]", "[openid]")
    template = template.replace("path: /x", "path: x").replace("d: {name: same}", "d: {}")
    resources = loaded(template, b=TAKEN).resources
    idp = resources[Address("client", ("p", "web"))].at("required_idp")
    assert (str(idp), str(idp.via)) == ("a.yaml:5:21", "b.yaml:5:13")
    for path in (("dependent_scopes", 0), ("name",), ()):
        assert str(resources[Address("scope", ("p", "web", "x"))].at(*path).via) == "b.yaml:5:13"
    scope = resources[Address("scope", ("p", "web", "s"))]
    assert (str(scope.at()), scope.at().via) == ("b.yaml:5:45", None)
    assert scope.at("description").via is None
    assert str(scope.at("name").via) == "b.yaml:5:13"


def test_null_leaves_out_what_a_template_has(loaded: Load) -> None:
    base = """\
        templates: {clients: {t: {client_type: resource_server, scopes: {s: {name: S, description: S}}}}}
        projects:
          p:
            id: 3f1c2b6e-8d5a-4c0e-9a55-0d8f6b1e7c21
            clients: {web: {extends: t, name: Web}}
        """
    assert [each.kind for each in loaded(base).resources] == ["project", "client", "scope"]
    manifests = loaded(base, x_overlay="projects: {p: {clients: {web: {scopes: {s: null}}}}}")
    assert [each.kind for each in manifests.resources] == ["project", "client"]
    assert not manifests.warnings


SHARED = """\
templates:
  clients: {t: {client_type: resource_server, scopes: {read: {name: R, description: R}}}}
  projects: {q: {clients: {web: {extends: t, name: Web}}}}
"""
WITH_IT = """\
projects:
  p:
    id: 3f1c2b6e-8d5a-4c0e-9a55-0d8f6b1e7c21
    clients: {web: {extends: t, name: Web}}
"""


def test_null_leaves_out_what_a_template_has_from_any_file(loaded: Load) -> None:
    without = "projects: {p: {clients: {web: {scopes: {read: null}}}}}"
    for files in ({"a": without, "b": SHARED, "c": WITH_IT}, {"a": WITH_IT, "b": SHARED, "c": without}):
        assert [each.kind for each in loaded(**files).resources] == ["project", "client"]


def test_null_leaves_out_what_the_template_of_a_template_has(loaded: Load) -> None:
    text = "projects: {p: {extends: q, display_name: P, contact_email: a@b, clients: {web: {scopes: {read: null}}}}}"
    assert [each.kind for each in loaded(SHARED, b=text).resources] == ["project", "client"]


def test_null_that_leaves_nothing_out_is_refused_below_a_template(complaints: Complaints) -> None:
    without = "projects: {p: {clients: {web: {scopes: {raed: null}}}}}"
    here = "there is no `raed` here to leave out (did you mean `read`?)"
    assert complaints(SHARED, b=WITH_IT, c=without) == [f"c.yaml:1:41: {here}"]
    assert complaints(SHARED, b=WITH_IT, c="", x_overlay=without) == [f"x.overlay.yaml:1:41: {here}"]


def test_overlay_leaves_out_what_stands_beside_a_template(loaded: Load) -> None:
    own = "projects: {p: {clients: {web: {scopes: {own: {name: O, description: O}, read: {name: Mine}}}}}}"
    files = {"a": SHARED, "b": WITH_IT, "c": own}
    assert [each.path[-1] for each in loaded(**files).resources if each.kind == "scope"] == ["read", "own"]
    without = "projects: {p: {clients: {web: {scopes: {own: null, read: null}}}}}"
    manifests = loaded(**files, x_overlay=without, y_overlay=without)
    assert [each.kind for each in manifests.resources] == ["project", "client"]
    assert not manifests.warnings


def test_files_do_not_leave_out_what_others_state(complaints: Complaints) -> None:
    text = "projects: {p: {clients: {web: null}}}"
    hint = "(only an overlay leaves out what another file states)"
    assert complaints(WITH_IT, b=text, c=SHARED) == [
        f"b.yaml:1:26: the client `web` is left out here, and stated at a.yaml:4:15 {hint}"
    ]
    assert complaints(text, b=WITH_IT, c=SHARED) == [
        f"a.yaml:1:26: the client `web` is left out here, and stated at b.yaml:4:15 {hint}"
    ]


def test_overlay_changes_templates(loaded: Load) -> None:
    manifests = loaded(
        "templates: {clients: {t: {client_type: resource_server, visibility: public}}}\n"
        "projects: {p: {id: 3f1c2b6e-8d5a-4c0e-9a55-0d8f6b1e7c21, clients: {web: {extends: t, name: Web}}}}\n",
        x_overlay="templates: {clients: {t: {visibility: private}}}",
    )
    assert client(manifests)["visibility"] == "private"
