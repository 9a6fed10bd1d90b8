"""Where the parts of a checkout lie."""

from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent
WEB_DEMO = PROJECT_ROOT / "web_demo"
VENDOR = WEB_DEMO / "vendor"
DEFAULT_MODEL_DIR = WEB_DEMO / "model"
SAMPLE_PHOTOS = WEB_DEMO / "samples"
DEFAULT_CHECKPOINT = PROJECT_ROOT / "models" / "reon-demo-b0.safetensors"
DEFAULT_SPEC = DEFAULT_CHECKPOINT.with_suffix(".json")
