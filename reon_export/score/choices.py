"""What a user may choose in `score`. Imports nothing heavy, so that `--help` stays quick."""

from typing import Literal

AlignMethod = Literal["none", "lag", "dtw"]
