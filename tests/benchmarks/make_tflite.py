"""A .tflite of the default checkpoint, for LiteRT.js in `reon_export bench --tflite`. Needs the extra onnx2tf.

python tests/benchmarks/make_tflite.py SIZE OUT.tflite
"""

import os
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from reon_export.checkpoint.classifier_graph import ClassifierGraph
from reon_export.checkpoint.load import load_checkpoint
from reon_export.export.onnx import export_onnx, save_onnx, simplify_onnx
from reon_export.paths import DEFAULT_CHECKPOINT, DEFAULT_SPEC
from reon_export.spec import ModelSpec


def main() -> None:
    """Convert with onnx2tf, and let TensorFlow write the file."""
    size, out = int(sys.argv[1]), Path(sys.argv[2]).resolve()
    spec = ModelSpec.model_validate_json(DEFAULT_SPEC.read_text(encoding="utf-8"))
    spec = spec.model_copy(update={"input": spec.input.model_copy(update={"height": size, "width": size})})
    checkpoint = load_checkpoint(DEFAULT_CHECKPOINT)
    exported = export_onnx(ClassifierGraph(checkpoint.model, spec), spec, opset=17)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        save_onnx(simplify_onnx(exported, spec, checkpoint.sha256).nchw, Path("nchw.onnx"))
        np.save("calibration_image_sample_data_20x128x128x3_float32.npy", np.zeros((20, 128, 128, 3), np.float32))
        import onnx2tf
        import tensorflow as tf

        model = onnx2tf.convert(
            input_onnx_file_path="nchw.onnx",
            batch_size=1,
            not_use_onnxsim=True,
            disable_model_save=True,
            check_onnx_tf_outputs_sample_data_normalization="denorm",
            non_verbose=True,
        )
        out.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    print(f"{out}: {out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
