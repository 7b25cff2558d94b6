from collections.abc import Callable
from textwrap import indent

import pytest

from reconciler.errors import InvalidManifests
from reconciler.model import Address, Manifests, Ref, Want

Load = Callable[..., Manifests]
Complaints = Callable[..., list[str]]

ID = "3f1c2b6e-8d5a-4c0e-9a55-0d8f6b1e7c21"
THIRD = "5a1c2b6e-8d5a-4c0e-9a55-0d8f6b1e7c23"
OTHER = "4a1c2b6e-8d5a-4c0e-9a55-0d8f6b1e7c22"
RECIPIENT = "age1ep60qjckcwjk6gz92vmlzvk0dztcvcka2pwe3s6vljejtp4hdu0qq7um42"
AGE_KEY = "AGE-SECRET-KEY-1QYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQS"


def project(fields: str = "", *, clients: str = "", rest: str = "") -> str:
    text = "projects:\n  p:\n    display_name: P\n    contact_email: p@example.org\n" + indent(fields, "    ")
    if clients:
        text += "\n    clients:\n" + indent(clients, "      ")
    return f"{text}\n{rest}"


def said(complaints: Complaints, text: str) -> list[str]:
    return [line.partition(": ")[2] for line in complaints(text)]


def get(manifests: Manifests, text: str) -> object:
    address, _, field = text.partition(".")
    return manifests.resources[Address.parse(address)].fields[field]


def test_references_name_resources_ids_and_names_of_the_service(loaded: Load) -> None:
    manifests = loaded(
        project(
            f"admin_ids: [rosalind@globusid.org, client/./api, client/p/web, {ID.upper()}]\nadmin_group_ids: [{ID}]",
            clients="""\
web: {name: Web, client_type: confidential_client, required_idp: example.edu, preselect_idp: null}
api:
  name: Api
  client_type: resource_server
  scopes:
    read:
      name: R
      description: R
      dependent_scopes:
        - globus/transfer/all
        - {scope: scope/./api/write, optional: true}
        - urn:globus:auth:scope:search.api.globus.org:all
        - openid
        - 89ecabba-4acf-4e2e-a98d-ce592ccc2818
    write: {name: W, description: W}
""",
        )
    )
    api, write = Address("client", ("p", "api")), Address("scope", ("p", "api", "write"))
    transfer = "urn:globus:auth:scope:transfer.api.globus.org:all"
    assert get(manifests, "project/p.admin_ids") == [
        Ref(Want.IDENTITY, "rosalind@globusid.org"),
        Ref(Want.IDENTITY, "client/./api", api),
        Ref(Want.IDENTITY, "client/p/web", Address("client", ("p", "web"))),
        ID,
    ]
    assert get(manifests, "project/p.admin_group_ids") == [ID]
    assert get(manifests, "client/p/web.required_idp") == Ref(Want.PROVIDER, "example.edu")
    assert get(manifests, "client/p/web.preselect_idp") is None
    plain = {"optional": False, "requires_refresh_token": False}
    assert get(manifests, "scope/p/api/read.dependent_scopes") == [
        {"scope": Ref(Want.SCOPE, transfer)} | plain,
        {"scope": Ref(Want.SCOPE, "scope/./api/write", write)} | plain | {"optional": True},
        {"scope": Ref(Want.SCOPE, "urn:globus:auth:scope:search.api.globus.org:all")} | plain,
        {"scope": Ref(Want.SCOPE, "openid")} | plain,
        {"scope": "89ecabba-4acf-4e2e-a98d-ce592ccc2818"} | plain,
    ]


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ("admin_ids: [client/./wbe]", "there is no client/p/wbe in the manifests (did you mean `client/p/web`?)"),
        ("admin_ids: [client/q/web]", "there is no client/q/web in the manifests (did you mean `client/p/web`?)"),
        ("admin_ids: [policy/./x]", "`policy/./x` names no identity (write the address of a client)"),
        ("admin_ids: [clients/./web]", "`clients/./web` names no identity (did you mean `client/./web`?)"),
        ("admin_ids: [client/web]", "`client/web` is no address of a client (it has the form `client/PROJECT/CLIENT`)"),
        ("admin_ids: [web]", "`web` names no identity (write a username, an id, or the address of a client)"),
        ("admin_group_ids: [staff]", "`staff` names no group (write the id of a group)"),
        ("admin_group_ids: [client/./web]", "`client/./web` names no group"),
        ("admin_ids: [client/p/gone]", "client/p/gone is removed, and referred to here (drop the reference first)"),
        ("admin_ids: [a@b, a@b]", "this stands in `admin_ids` already, as element 1"),
        (f"admin_ids: [{ID}, {ID.upper()}]", "this stands in `admin_ids` already, as element 1"),
    ],
)
def test_references_that_lead_nowhere(complaints: Complaints, fields: str, what: str) -> None:
    web = "web: {name: W, client_type: client_identity}"
    assert said(complaints, project(fields, clients=web, rest="removed: [{address: client/p/gone}]")) == [what]


@pytest.mark.parametrize(
    ("scope", "what"),
    [
        (
            "globus/transfr/all",
            "there is no well-known scope `globus/transfr/all` (did you mean `globus/transfer/all`?)",
        ),
        ("read", "`read` names no scope (write an address, a well-known name, a scope string or an id)"),
        (
            "Globus/Transfer/all",
            "there is no well-known scope `Globus/Transfer/all` (did you mean `globus/transfer/all`?)",
        ),
        (
            "'https://auth.globus.org/scopes/x'",
            (
                "`https://auth.globus.org/scopes/x` names no scope "
                "(a scope string is https://auth.globus.org/scopes/CLIENT_ID/SUFFIX)"
            ),
        ),
        (
            "'https://auth.globus.org/x'",
            "`https://auth.globus.org/x` names no scope (write an address, a well-known name, a scope string or an id)",
        ),
        ("Scope/./api/read", "`Scope/./api/read` names no scope (did you mean `scope/./api/read`?)"),
        ("scope/./api/raed", "there is no scope/p/api/raed in the manifests (did you mean `scope/p/api/read`?)"),
    ],
)
def test_scopes_that_lead_nowhere(complaints: Complaints, scope: str, what: str) -> None:
    clients = f"""\
api:
  name: A
  client_type: resource_server
  scopes:
    read: {{name: R, description: R, dependent_scopes: [{scope}]}}
"""
    assert said(complaints, project(clients=clients)) == [what]


def test_dependent_scopes_are_a_set_by_scope(complaints: Complaints) -> None:
    clients = """\
api:
  name: A
  client_type: resource_server
  scopes:
    read:
      name: R
      description: R
      dependent_scopes: [globus/transfer/all, {scope: globus/transfer/all, optional: true}]
"""
    assert complaints(project(clients=clients)) == [
        "a.yaml:14:53: this stands in `dependent_scopes` already, as element 1"
    ]


@pytest.mark.parametrize(
    ("clients", "what"),
    [
        ("web: {name: W}", ["a client needs `client_type` or `public_client`"]),
        ("web: {client_type: resource_server}", ["a client needs `name`"]),
        (
            "web: {name: W, client_type: resource_server, public_client: true}",
            ["exactly one of `client_type` or `public_client` can be stated"],
        ),
        (
            "web: {name: W, client_type: resource_server, links: {privacy_policy: https://a}}",
            ["`links` needs both `terms_and_conditions` and `privacy_policy`"],
        ),
        (
            "web: {name: W, client_type: resource_server, lifecycle: {ignore: [nmae]}}",
            ["a client has no field `nmae` to ignore (did you mean `name`?)"],
        ),
        (
            "web: {name: W, client_type: resource_server, scopes: {a-b: {name: S, description: S}}}",
            [
                (
                    "the key `a-b` stands for `scope_suffix`, which must be lower-case letters, digits and _"
                    " (write `a_b`, or give `scope_suffix`)"
                )
            ],
        ),
    ],
)
def test_rules_of_a_resource(complaints: Complaints, clients: str, what: list[str]) -> None:
    assert said(complaints, project(clients=clients)) == what


def test_place_of_what_is_required_is_the_key_of_the_resource(complaints: Complaints) -> None:
    assert complaints("projects:\n  p:\n    contact_email: a@b\n") == ["a.yaml:2:3: a project needs `display_name`"]


@pytest.mark.parametrize(("overlap", "ok"), [("13d", True), ("2w", False), ("336h", False), ("335h", True)])
def test_overlap_is_shorter_than_the_age(loaded: Load, complaints: Complaints, overlap: str, ok: bool) -> None:
    text = project(
        clients="web:\n  name: W\n  client_type: confidential_client\n"
        f"  credentials: {{a: {{rotate_after: 14d, overlap: {overlap}}}}}"
    )
    if ok:
        loaded(text)
    else:
        assert said(complaints, text) == ["`overlap` must be shorter than `rotate_after`"]


@pytest.mark.parametrize("assurance", ["", "high_assurance: false, "])
def test_required_mfa_needs_high_assurance(complaints: Complaints, assurance: str) -> None:
    policy = f"policies: {{x: {{{assurance}display_name: X, description: X, required_mfa: true}}}}"
    assert said(complaints, project(policy)) == ["`required_mfa` needs `high_assurance: true`"]


def test_pinned_resources_need_no_fields(loaded: Load) -> None:
    manifests = loaded(
        f"projects: {{p: {{id: {ID.upper()}, clients: {{web: {{id: {OTHER}, scopes: {{s: {{id: {THIRD}}}}}}}}}}}}}"
    )
    assert [(str(each.address), each.id, dict(each.fields)) for each in manifests.resources.values()] == [
        ("project/p", ID, {}),
        ("client/p/web", OTHER, {}),
        ("scope/p/web/s", THIRD, {}),
    ]


def test_key_stands_for_a_field_unless_that_is_given(loaded: Load) -> None:
    manifests = loaded(
        project(
            clients="""\
web:
  name: W
  client_type: resource_server
  scopes: {one: {name: S, description: S}, the-two: {scope_suffix: two, name: S, description: S}}
  credentials: {a: {}, b: {name: B}}
"""
        )
    )
    assert get(manifests, "scope/p/web/one.scope_suffix") == "one"
    assert get(manifests, "scope/p/web/the-two.scope_suffix") == "two"
    assert get(manifests, "credential/p/web/a.name") == "a"
    assert get(manifests, "credential/p/web/b.name") == "B"
    assert manifests.resources[Address("credential", ("p", "web", "a"))].settings == {}


def test_resources_have_settings_lifecycle_and_former_names(loaded: Load) -> None:
    manifests = loaded(
        project(
            clients=f"""\
web:
  name: W
  client_type: confidential_client
  lifecycle: {{prevent_destroy: true, ignore: [redirect_uris]}}
  previously: [portal, client/q/web, {{address: client/./old, id: {ID.upper()}}}]
  credentials:
    a: {{rotate_after: 180d, verify: false, sink: {{file: {{path: s/a.env, format: env, keys: {{client_secret: S}}}}}}}}
"""
        )
    )
    web = manifests.resources[Address("client", ("p", "web"))]
    assert (web.prevent_destroy, web.ignore) == (True, frozenset({"redirect_uris"}))
    assert [(str(each.address), each.id) for each in web.previously] == [
        ("client/p/portal", None),
        ("client/q/web", None),
        ("client/p/old", ID),
    ]
    assert manifests.resources[Address("credential", ("p", "web", "a"))].settings == {
        "rotate_after": "180d",
        "verify": False,
        "sink": {"file": {"path": "s/a.env", "format": "env", "keys": {"client_secret": "S"}}},
    }


def test_former_names_lead_to_nothing_that_is_there(complaints: Complaints) -> None:
    clients = """\
a: {name: A, client_type: resource_server, previously: [b, project/p, client/x]}
b: {name: B, client_type: resource_server, previously: [old]}
c: {name: C, client_type: resource_server, previously: [client/./old, gone]}
"""
    assert said(complaints, project(clients=clients, rest="removed: [{address: client/p/gone}]")) == [
        "client/p/b is still in the manifests",
        "a client was no project before",
        "`client/x` is no address of a client (it has the form `client/PROJECT/CLIENT`)",
        "client/p/b (at a.yaml:8:7) and client/p/c both were client/p/old before",
        "client/p/gone is removed, and cannot be renamed as well",
    ]


def test_two_resources_are_not_one_object(complaints: Complaints) -> None:
    clients = f"a: {{id: {ID}}}\nb: {{id: {ID.upper()}}}"
    assert complaints(project(clients=clients)) == [
        "a.yaml:8:15: client/p/a (at a.yaml:7:7) and client/p/b have one id"
    ]


def test_two_resources_do_not_go_by_one_name(complaints: Complaints) -> None:
    clients = f"""\
api:
  name: A
  client_type: resource_server
  scopes:
    read: {{name: R, description: R}}
    other: {{scope_suffix: read, name: R, description: R}}
    pinned: {{id: {ID}, scope_suffix: read}}
  credentials:
    one: {{name: main}}
    main: {{}}
"""
    assert complaints(project(clients=clients)) == [
        "a.yaml:12:33: scope/p/api/read (at a.yaml:11:11) and scope/p/api/other have one `scope_suffix`",
        "a.yaml:13:76: scope/p/api/read (at a.yaml:11:11) and scope/p/api/pinned have one `scope_suffix`",
        "a.yaml:16:11: credential/p/api/one (at a.yaml:15:11) and credential/p/api/main have one `name`",
    ]


def test_names_may_repeat_where_they_tell_nothing_apart(loaded: Load) -> None:
    clients = f"""\
api:
  name: Same
  client_type: resource_server
  scopes:
    read: {{name: R, description: R}}
    host: {{scope_suffix: read, fqdn: api.example.org, name: R, description: R}}
    one: {{id: {ID}}}
    two: {{id: {OTHER}}}
  credentials: {{main: {{}}}}
web:
  name: Same
  client_type: resource_server
  scopes: {{read: {{name: R, description: R}}}}
  credentials: {{main: {{}}}}
"""
    assert len(loaded(project(clients=clients)).resources) == 10


def test_one_object_has_one_former_name(loaded: Load, complaints: Complaints) -> None:
    one = f"a: {{id: {ID}, previously: [{{address: client/p/x, id: {ID}}}]}}\n"
    two = f"b: {{id: {OTHER}, previously: [{{address: client/p/y, id: {ID}}}]}}\n"
    assert len(loaded(project(clients=one)).resources) == 2
    assert complaints(project(clients=one + two)) == [
        "a.yaml:8:66: client/p/a (at a.yaml:7:7) and client/p/b have one id"
    ]


@pytest.mark.parametrize(
    ("sink", "what"),
    [
        ("{}", "`sink` has one key, the kind of sink: age, aws, exec, file, github or vault"),
        ("{fiel: {path: x}}", "unknown key `fiel` in `sink` (did you mean `file`?)"),
        ("{paper: {path: x}}", "unknown key `paper` in `sink` (known: age, aws, exec, file, github, vault)"),
        ("{file: {format: env}}", "the sink `file` needs `path`"),
        ("{file: {path: /etc/x}}", "`path` must be relative to the root"),
        ("{file: {path: ~/x}}", "`path` must be relative to the root"),
        ("{file: {path: 'C:/x'}}", "`path` must be relative to the root"),
        ("{file: {path: a/../../x}}", "`path` must not lead out of the root"),
        ("{file: {path: .}}", "`path` must name a file"),
        ("{file: {path: x/}}", "`path` must name a file"),
        ("{file: {path: a.yaml}}", "`path` names a file that this program reads or keeps itself"),
        ("{file: {path: reconciler.bindings.json}}", "`path` names a file that this program reads or keeps itself"),
        ("{file: {path: .reconciler/x}}", "`path` names a file that this program reads or keeps itself"),
        ("{file: {path: a.YAML}}", "`path` names a file that this program reads or keeps itself"),
        ("{file: {path: RECONCILER.toml}}", "`path` names a file that this program reads or keeps itself"),
        ("{file: {path: .Reconciler/x}}", "`path` names a file that this program reads or keeps itself"),
        ("{file: {path: m.yaml/x}}", "`path` names a file that this program reads or keeps itself"),
        (
            "{file: {path: s/web.META.json}}",
            "`path` has a name that this program gives to what it keeps beside a secret",
        ),
        ("{file: {path: .web.lock}}", "`path` has a name that this program gives to what it keeps beside a secret"),
        (f"{{file: {{path: s/{'é' * 101}}}}}", "`path` has a name of more than 200 bytes"),
        (
            "{file: {path: u\u0308}}",
            "`path` has characters that do not show, or that are written in two ways",
        ),
        (
            "{file: {path: x, format: plain, keys: {client_secret: S}}}",
            "the format `plain` holds the secret alone, and takes no `keys`",
        ),
        (
            "{file: {path: x, keys: {client_id: ID}}}",
            "`keys` leaves out `client_secret`, so that the secret would be lost",
        ),
        ("{file: {path: 'a\\b'}}", "`path` must be one line without \\"),
        ("{file: {path: x, format: evn}}", "`format` must be `json`, `env` or `plain`"),
        (
            "{file: {path: x, format: env, keys: {client_id: a.b, client_secret: S}}}",
            "the name of `client_id` is none for an environment variable",
        ),
        ("{file: {path: x, keys: {client_id: A, client_secret: A}}}", "`client_secret` and `client_id` have one name"),
        ("{age: {path: x}}", "the sink `age` needs `recipients`"),
        (f"{{age: {{recipients: [{RECIPIENT}]}}}}", "the sink `age` needs `path`"),
        (f"{{age: {{path: /x, recipients: [{RECIPIENT}]}}}}", "`path` must be relative to the root"),
        ("{age: {path: x, recipients: []}}", "`recipients` must have at least 1 of them"),
        ("{age: {path: x, recipients: [age1x]}}", "this is no recipient: age1…, ssh-ed25519 … or ssh-rsa …"),
        ("{age: {path: x, recipients: [ssh-rsa AAAA]}}", "this is no recipient: age1…, ssh-ed25519 … or ssh-rsa …"),
        (
            f"{{age: {{path: x, recipients: [{AGE_KEY}]}}}}",
            "this is a private key: take it out, and name its public one (age1…)",
        ),
        (
            f"{{age: {{path: x, recipients: [{RECIPIENT}, {RECIPIENT}]}}}}",
            "this stands in `recipients` already, as element 1",
        ),
        ("{exec: {with: {a: b}}}", "the sink `exec` needs `command`"),
        ("{exec: {command: rm -rf}}", "`command` must be a list, not text"),
        ("{exec: {command: [../x]}}", "the program must not lead out of the root"),
        ("{exec: {command: [x], timeout: 0}}", "`timeout` must not be less than 1"),
        ("{vault: {path: a/../b}}", "`path` has a step `..`, which servers read differently"),
        ("{vault: {path: /a}}", "`path` must be names of letters, digits, _, . and -, with / between them"),
        ("{aws: {region: eu-central-1}}", "the sink `aws` needs `name`"),
        ("{github: {repository: a/b}}", "the sink `github` needs `keys`"),
        ("{github: {repository: a, keys: {client_secret: S}}}", "`repository` must be OWNER/NAME"),
        (
            "{github: {repository: a/b, keys: {client_secret: github_x}}}",
            "the name of `client_secret` begins with GITHUB_, which GitHub keeps for itself",
        ),
        (
            "{github: {repository: a/b, keys: {client_secret: s, client_id: S}}}",
            "`client_id` and `client_secret` have one name",
        ),
        (
            "{github: {repository: a/b, keys: {client_secret: a.b}}}",
            "the name of `client_secret` is none for an environment variable",
        ),
    ],
)
def test_rules_of_a_sink(complaints: Complaints, sink: str, what: str) -> None:
    clients = f"web:\n  name: W\n  client_type: confidential_client\n  credentials: {{a: {{sink: {sink}}}}}"
    assert said(complaints, project(clients=clients)) == [what]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{file: {path: s/x}}", f"{{age: {{path: S/x, recipients: [{RECIPIENT}]}}}}"),
        ("{vault: {path: a/b}}", "{vault: {mount: secret, path: a/b, keys: {client_secret: s}}}"),
        ("{aws: {name: a}}", "{aws: {name: a, format: plain}}"),
        ("{exec: {command: [a, b]}}", "{exec: {command: [a, b], timeout: 5}}"),
        (
            "{github: {repository: A/b, keys: {client_secret: S}}}",
            "{github: {repository: a/B, keys: {client_secret: T, name: s}}}",
        ),
    ],
)
def test_two_sinks_do_not_deliver_to_one_place(complaints: Complaints, one: str, other: str) -> None:
    clients = f"""\
web:
  name: W
  client_type: confidential_client
  credentials:
    a: {{sink: {one}}}
    b: {{sink: {other}}}
"""
    (complaint,) = said(complaints, project(clients=clients))
    assert complaint.endswith("have one destination")


def test_places_that_differ_are_different(loaded: Load) -> None:
    sinks = (
        "{vault: {path: a}}",
        "{vault: {path: a/b}}",
        "{vault: {mount: kv, path: a}}",
        "{aws: {name: a}}",
        "{aws: {name: a, region: eu-west-1}}",
        "{exec: {command: [a]}}",
        "{exec: {command: [a], with: {a: b}}}",
        "{github: {repository: a/b, keys: {client_secret: S}}}",
        "{github: {repository: a/b, environment: c, keys: {client_secret: S}}}",
    )
    lines = "".join(f"    c{number}: {{sink: {sink}}}\n" for number, sink in enumerate(sinks))
    clients = "web:\n  name: W\n  client_type: confidential_client\n  credentials:\n" + lines
    assert len(loaded(project(clients=clients)).resources) == 2 + len(sinks)


def test_two_secrets_do_not_go_to_one_place(complaints: Complaints) -> None:
    clients = """\
web:
  name: W
  client_type: confidential_client
  credentials:
    a: {sink: {file: {path: s/x}}}
    b: {sink: {file: {path: ./s//X, format: env}}}
"""
    assert complaints(project(clients=clients)) == [
        "a.yaml:12:21: credential/p/web/a (at a.yaml:11:11) and credential/p/web/b have one destination"
    ]


def test_no_secret_goes_below_the_file_of_another(complaints: Complaints) -> None:
    clients = """\
web:
  name: W
  client_type: confidential_client
  credentials:
    a: {sink: {file: {path: s/X/y/z}}}
    b: {sink: {file: {path: s/x}}}
    c: {sink: {file: {path: s/xy}}}
"""
    assert complaints(project(clients=clients)) == [
        "a.yaml:11:21: credential/p/web/b (at a.yaml:12:11) and credential/p/web/a go to a file, and to one below that"
    ]


def test_values_of_credentials_are_never_shown(complaints: Complaints) -> None:
    clients = """\
web:
  name: W
  client_type: confidential_client
  credentials:
    a:
      name: "hunter2\\n"
      rotate_after: hunter2
      sink: {file: {path: x, format: hunter2, keys: {client_id: "hunter2 "}}}
    b: {name: [hunter2], sink: hunter2, overlap: hunter2, verify: hunter2}
"""
    lines = complaints(project(clients=clients))
    assert len(lines) == 8
    assert not [line for line in lines if "hunter2" in line]


@pytest.mark.parametrize(
    ("output", "what"),
    [
        ("client/p/web.idd", "a client has no attribute `idd` (did you mean `id`?)"),
        ("client/p/wbe.id", "there is no client/p/wbe in the manifests (did you mean `client/p/web`?)"),
        ("cleint/p/web.id", "`cleint/p/web` is no address: there is no kind `cleint` (did you mean `client`?)"),
        ("client/web.id", "`client/web` is no address of a client (it has the form `client/PROJECT/CLIENT`)"),
        ("web", "`A` must be kind/path.attribute"),
    ],
)
def test_outputs_that_lead_nowhere(complaints: Complaints, output: str, what: str) -> None:
    web = "web: {name: W, client_type: resource_server}"
    assert said(complaints, project(clients=web, rest=f"outputs: {{A: {output}}}")) == [what]


@pytest.mark.parametrize(
    ("name", "meant"), [("F-x", "F_x"), ("F.x", "F_x"), ("GENOMICS ID!", "GENOMICS_ID"), ("Ids!", "Ids"), ("1x", None)]
)
def test_names_of_outputs_are_suggested(complaints: Complaints, name: str, meant: str | None) -> None:
    hint = f" (write `{meant}`)" if meant else ""
    assert said(complaints, project(rest=f"outputs: {{'{name}': project/p.id}}")) == [
        f"the key `{name}` must be letters, digits and _, and not begin with a digit{hint}"
    ]


def test_removals(complaints: Complaints, loaded: Load) -> None:
    rest = "removed: [{address: project/p}, {address: client/p/x}, {address: client/p/x}, {address: x/y}, {keep: true}]"
    assert said(complaints, project(rest=rest)) == [
        "project/p is to be removed, and still in the manifests at a.yaml:2:3",
        "client/p/x stands in `removed` already",
        "`x/y` is no address: there is no kind `x` (known: project, policy, client, scope, credential)",
        "an element of `removed` needs `address`",
    ]
    manifests = loaded(project(rest=f"removed: [{{address: client/p/x, keep: true, id: {ID.upper()}}}]"))
    (removal,) = manifests.removed
    assert (str(removal.address), removal.keep, removal.id) == ("client/p/x", True, ID)


def test_removals_are_other_objects_than_those_that_stay_and_each_other(complaints: Complaints) -> None:
    clients = f"""\
web: {{id: {ID}}}
api: {{id: {OTHER}, previously: [{{address: client/p/old, id: {THIRD}}}]}}
"""
    fourth = ID.replace("3", "4")
    rest = f"""\
removed:
  - {{id: {ID.upper()}, address: client/p/a}}
  - {{id: {THIRD}, address: client/p/b, keep: true}}
  - {{id: {fourth}, address: client/p/c}}
  - {{id: {fourth.upper()}, address: client/p/d}}
"""
    assert complaints(project(clients=clients, rest=rest)) == [
        "a.yaml:11:10: client/p/web (at a.yaml:7:7) and client/p/a, which is to be removed, have one id",
        "a.yaml:12:10: client/p/api (at a.yaml:8:7) and client/p/b, which is to be removed, have one id",
        "a.yaml:14:10: client/p/c (at a.yaml:13:57) and client/p/d, which is to be removed, have one id",
    ]


def test_all_problems_of_all_files_come_together_in_order(complaints: Complaints) -> None:
    assert complaints(
        project(), b="projects: {q: {}}\n", c="projcts: {}\n", d="outputs: {A: client/p/x.id, A: x}\n"
    ) == [
        "b.yaml:1:12: a project needs `contact_email`",
        "b.yaml:1:12: a project needs `display_name`",
        "c.yaml:1:1: unknown key `projcts` (did you mean `projects`?)",
        "d.yaml:1:14: there is no client/p/x in the manifests",
        "d.yaml:1:29: `A` is already set at d.yaml:1:11",
    ]


def test_of_many_problems_those_are_told_that_stand_first(complaints: Complaints) -> None:
    bad = "{y: 1, client_type: 5, name: 5, x!: 1, lifecycle: {no: 1}, scopes: {Bad: 5}}"
    clients = "\n".join(f"c{number}: {bad}" for number in range(100))
    lines = complaints(project(clients=clients))
    assert lines[:7] == [
        "a.yaml:7:12: unknown key `y` in `c0`",
        (
            "a.yaml:7:31: `client_type` must be `client_identity`, `confidential_client`, `globus_connect_server`, "
            "`hybrid_confidential_client_resource_server`, `public_installed_client`, `public_webapp_client` "
            "or `resource_server`"
        ),
        "a.yaml:7:40: `name` must be text, not a number",
        "a.yaml:7:43: unknown key `x!` in `c0`",
        "a.yaml:7:62: unknown key `no` in `lifecycle` (known: prevent_destroy, ignore)",
        (
            "a.yaml:7:79: the key `Bad` must be lower-case letters, digits, - and _, and begin with a letter or a "
            "digit (write `bad`)"
        ),
        "a.yaml:7:84: `Bad` must be a map, not a number",
    ]
    assert [int(line.split(":")[1]) for line in lines] == [7 + number // 7 for number in range(100)]


def test_key_that_is_only_too_long_is_called_that(complaints: Complaints) -> None:
    (line,) = complaints(project(clients=f"{'k' * 101}: {{name: K, client_type: client_identity}}"))
    assert "must not be longer than 100 characters" in line
    assert "must be lower-case" not in line


def test_what_cannot_be_used_is_not_called_missing(complaints: Complaints) -> None:
    clients = """\
web: 5
api: {name: 5, client_type: resource_serve, scopes: {s: [], t: {name: T, description: T}}}
"""
    rest = "outputs: {A: scope/p/web/x.id, B: scope/p/api/s.id, C: scope/p/api/t.id}"
    assert said(complaints, project("admin_ids: [client/./web]", clients=clients, rest=rest)) == [
        "`web` must be a map, not a number",
        "`name` must be text, not a number",
        (
            "`client_type` must be `client_identity`, `confidential_client`, `globus_connect_server`, "
            "`hybrid_confidential_client_resource_server`, `public_installed_client`, `public_webapp_client` "
            "or `resource_server` (did you mean `resource_server`?)"
        ),
        "`s` must be a map, not a list",
    ]


def test_problems_name_the_resource(loaded: Load) -> None:
    with pytest.raises(InvalidManifests) as caught:
        loaded(project(clients="web: {name: 5, client_type: resource_server, lifecycle: {ignore: [x]}}"))
    assert [problem.address for problem in caught.value.problems] == ["client/p/web", "client/p/web"]


def test_digest_counts_what_is_meant_and_nothing_else(loaded: Load) -> None:
    base = project("admin_ids: [a@b, c@d]", clients="web: {name: W, client_type: resource_server}")
    digest = loaded(base).digest
    same = project("# hi\nadmin_ids: [c@d, 'a@b']", clients="web:\n  client_type: resource_server\n  name: 'W'\n")
    assert loaded(same).digest == digest
    for other in (
        base.replace("name: W", "name: V"),
        base.replace("a@b, ", ""),
        base + "removed: [{address: client/p/x}]",
        base + "outputs: {A: project/p.id}",
        base.replace("name: W", "name: W, lifecycle: {prevent_destroy: true}"),
        base.replace("name: W", "name: W, previously: [x]"),
        base.replace("name: W", f"name: W, id: {ID}"),
    ):
        assert loaded(other).digest != digest
