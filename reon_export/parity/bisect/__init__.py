"""The first node of an exported graph that leaves PyTorch."""
