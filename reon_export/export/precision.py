"""Which weight gets which dtype in a TF.js artefact."""

from reon_export.manifest import Precision

# tensorflowjs' own wildcard for "every float32 weight". TF.js widens the weights to float32 when it loads them: a
# smaller precision shortens the download, not the inference.
EVERY_WEIGHT = "*"


def quantisation_map(precision: Precision) -> dict[str, str]:
    """The `quantization_dtype_map` of tensorflowjs' write_weights for a precision; empty for float32."""
    return {} if precision == "float32" else {precision: EVERY_WEIGHT}
