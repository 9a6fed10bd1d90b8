"""The score of an imitation: two videos to tracks to a number."""
