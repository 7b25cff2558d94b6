"""The wheel, installed into an empty environment elsewhere, does what the checkout does."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
TYPES = ("manifest", "project", "policy", "client", "scope", "credential")


def run(*command: str | Path, folder: Path, code: int = 0) -> str:
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, REPOSITORY, folder=folder)
    (made,) = folder.glob("*.whl")
    return made


def test_wheel_holds_schemas_types_and_licence(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"reconciler/schemas/{name}.schema.json" for name in TYPES} <= set(names)
    assert "reconciler/py.typed" in names
    (licence,) = [name for name in names if name.endswith("licenses/LICENSE")]
    assert b"Apache License" in zipfile.ZipFile(wheel).read(licence)
    (metadata,) = [name for name in names if name.endswith("METADATA")]
    assert b"License-Expression: Apache-2.0" in zipfile.ZipFile(wheel).read(metadata)
    assert not [name for name in names if not name.startswith(("reconciler/", "globus_auth_reconciler-"))]


def test_installed_wheel_plans_applies_and_converges(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "empty", folder=tmp_path)
    python = tmp_path / "empty" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", wheel, folder=tmp_path)
    work = tmp_path / "work"
    work.mkdir()
    (work / "portal.yaml").write_text((REPOSITORY / "examples" / "genomics-portal" / "portal.yaml").read_text())
    where = run(python, "-c", "import reconciler; print(reconciler.__file__)", folder=work)
    assert str(tmp_path) in where
    assert "Valid: 9 resources." in run(python, "-m", "reconciler", "validate", folder=work)
    assert '"$schema"' in run(python, "-m", "reconciler", "schema", "manifest", folder=work)
    program = tmp_path / "empty" / "bin" / "reconciler"
    run(program, "plan", "--emulator", "--detailed-exitcode", folder=work, code=2)
    run(program, "apply", "--emulator", "--auto-approve", folder=work)
    assert "No changes." in run(program, "plan", "--emulator", "--detailed-exitcode", folder=work)
