"""Write the SHA-256 of every package that is installed on Linux x86-64 with Python 3.11, by constraints.txt.

Two files: what `make setup` installs, and what `make test` adds.

    .venv/bin/python .ci/lock.py

Nothing is installed: pip says what it would take. Run it after constraints.txt has changed.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "reon_export" / "environment"
LOCKS = {"locked-linux-x86_64.txt": "export,browser", "locked-test-linux-x86_64.txt": "export,browser,onnx2tf,ray,dev"}
# More than one build of torch has the version: PyPI's is for CUDA, that of PyTorch's own index for the CPU.
NOT_LOCKED = {"torch", "reon-export"}
HEAD = """\
# The packages of the extras {extras} on Linux x86-64 with Python 3.11, by SHA-256;
# installed with pip --require-hashes. Not torch, whose build is the user's choice. Made by .ci/lock.py.
"""


def main() -> None:
    """Ask pip, write the files; what is in the first is not in the second."""
    written: set[str] = set()
    for name, extras in LOCKS.items():
        lines = {package: line for package, line in resolve(extras).items() if package not in written}
        written |= lines.keys()
        content = HEAD.format(extras=extras) + "".join(lines[package] for package in sorted(lines))
        (FOLDER / name).write_text(content, encoding="utf-8")
        print(f"{name}: {len(lines)} packages")


def resolve(extras: str) -> dict[str, str]:
    """Lines of a requirements file by package."""
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
        command += ["--no-build-isolation", "--report", report.name]
        command += ["-c", str(FOLDER / "constraints.txt"), "-e", f"{ROOT}[{extras}]", "setuptools", "wheel"]
        subprocess.run(command, check=True)
        installs = json.loads(Path(report.name).read_text(encoding="utf-8"))["install"]
    lines = {}
    for item in installs:
        name = re.sub(r"[-_.]+", "-", item["metadata"]["name"]).lower()
        if name not in NOT_LOCKED and not name.startswith("nvidia-"):
            digest = item["download_info"]["archive_info"]["hashes"]["sha256"]
            lines[name] = f"{name}=={item['metadata']['version']} --hash=sha256:{digest}\n"
    return lines


if __name__ == "__main__":
    main()
