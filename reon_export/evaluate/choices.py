"""What a user may choose in `evaluate` and `crop`. Imports nothing heavy, so that `--help` stays quick."""

from typing import Literal

CropMode = Literal["haar", "none", "boxes"]
CropSource = Literal["haar", "boxes"]
CropFormat = Literal["png", "jpeg"]
LabelSource = Literal["folder", "annotators"]
Executor = Literal["local", "ray"]
