"""Where the page, the default checkpoint and the models lie: in a checkout beside the package, else inside it."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_BUNDLED = _PACKAGE / "bundled"  # of a wheel; setup.py puts it there
IS_CHECKOUT = not _BUNDLED.is_dir()
PROJECT_ROOT = _PACKAGE.parent if IS_CHECKOUT else _BUNDLED
WEB_DEMO = PROJECT_ROOT / "web_demo"
VENDOR = WEB_DEMO / "vendor"
# An installed package is no place to write to: there, models are made where the user is.
DEFAULT_MODEL_DIR = WEB_DEMO / "model" if IS_CHECKOUT else Path("model")
SHOWN_MODEL_DIR = "web_demo/model" if IS_CHECKOUT else "model"
SAMPLE_PHOTOS = WEB_DEMO / "samples"
DEFAULT_CHECKPOINT = PROJECT_ROOT / "models" / "reon-demo-b0.safetensors"
DEFAULT_SPEC = DEFAULT_CHECKPOINT.with_suffix(".json")
