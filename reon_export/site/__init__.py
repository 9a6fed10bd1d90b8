"""The page: served on this machine, as a folder for a static host, as one file."""
