"""Every runtime as the same callable: a batch of crops to logits and probabilities."""
