"""What the two sides are compared on: a tensor, an image, a photograph."""
