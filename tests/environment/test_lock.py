"""What is installed by hash is what constraints.txt pins."""

import re

from reon_export.environment.doctor import CONSTRAINTS, read_constraints

FOLDER = CONSTRAINTS.parent
LOCKS = ("locked-linux-x86_64.txt", "locked-test-linux-x86_64.txt")
LINE = re.compile(r"([a-z0-9-]+)==(\S+) --hash=sha256:[0-9a-f]{64}")
NOT_LOCKED = {"torch"}  # PyPI's build or the CPU build of PyTorch's index


def test_every_pinned_version_has_a_hash_and_no_other() -> None:
    texts = [(FOLDER / name).read_text(encoding="utf-8") for name in LOCKS]
    lines = [line for text in texts for line in text.splitlines() if not line.startswith("#")]
    locked = {match[1]: match[2] for line in lines if (match := LINE.fullmatch(line))}
    assert len(locked) == len(lines)
    pinned = {
        name: version
        for name, version in read_constraints(FOLDER / "constraints.txt").items()
        if name not in NOT_LOCKED
    }
    assert locked == pinned
