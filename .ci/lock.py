"""Write the SHA-256 of every package that `make setup` installs on Linux x86-64, by the versions of constraints.txt.

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
LOCK = FOLDER / "locked-linux-x86_64.txt"
# More than one build of torch has the version: PyPI's is for CUDA, that of PyTorch's own index for the CPU.
NOT_LOCKED = {"torch", "reon-export"}
HEAD = """\
# The packages of `make setup` on Linux x86-64 with Python 3.11, by SHA-256; installed with pip --require-hashes.
# Not torch, whose build is the user's choice. Made from constraints.txt by .ci/lock.py.
"""


def main() -> None:
    """Ask pip, write the file."""
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
        command += ["--no-build-isolation", "--report", report.name]
        command += ["-c", str(FOLDER / "constraints.txt"), "-e", f"{ROOT}[export,browser,ray,dev]"]
        subprocess.run(command, check=True)
        installs = json.loads(Path(report.name).read_text(encoding="utf-8"))["install"]
    lines = {}
    for item in installs:
        name = re.sub(r"[-_.]+", "-", item["metadata"]["name"]).lower()
        if name not in NOT_LOCKED and not name.startswith("nvidia-"):
            digest = item["download_info"]["archive_info"]["hashes"]["sha256"]
            lines[name] = f"{name}=={item['metadata']['version']} --hash=sha256:{digest}\n"
    LOCK.write_text(HEAD + "".join(lines[name] for name in sorted(lines)), encoding="utf-8")
    print(f"{LOCK.relative_to(ROOT)}: {len(lines)} packages")


if __name__ == "__main__":
    main()
