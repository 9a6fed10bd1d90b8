"""How good a model is on labelled images, what its export cost, and whether another one is better."""
