"""The conversion itself: PyTorch to ONNX to TF.js."""
