"""Chromium, Firefox and WebKit, and how each is driven."""
