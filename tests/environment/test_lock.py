"""What is installed by hash is what constraints.txt pins."""

import re

from reon_export.environment.doctor import CONSTRAINTS, read_constraints

LOCK = CONSTRAINTS.with_name("locked-linux-x86_64.txt")
LINE = re.compile(r"([a-z0-9-]+)==(\S+) --hash=sha256:[0-9a-f]{64}")
NOT_LOCKED = {"torch"}  # PyPI's build or the CPU build of PyTorch's index


def test_every_pinned_version_has_a_hash_and_no_other() -> None:
    lines = [line for line in LOCK.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    locked = {match[1]: match[2] for line in lines if (match := LINE.fullmatch(line))}
    assert len(locked) == len(lines)
    pinned = {name: version for name, version in read_constraints().items() if name not in NOT_LOCKED}
    assert locked == pinned
