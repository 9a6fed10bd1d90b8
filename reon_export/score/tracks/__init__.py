"""A video as one row of class probabilities a frame."""
