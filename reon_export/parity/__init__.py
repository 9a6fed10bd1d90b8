"""Proof that a runtime gives what PyTorch gives."""
