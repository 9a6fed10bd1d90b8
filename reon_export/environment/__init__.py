"""What this machine has, what is missing, and the versions that work together."""
