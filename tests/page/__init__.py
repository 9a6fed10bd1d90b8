"""Tests that need a real browser, the vendored JavaScript and a built model."""
