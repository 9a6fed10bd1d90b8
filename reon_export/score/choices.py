"""What a user may choose in `score`. Imports nothing heavy, so that `--help` stays quick."""

from typing import Literal

MeasureRule = Literal["steady", "single"]
DetectorName = Literal["tiny", "haar"]
AlignMethod = Literal["none", "lag", "dtw"]
