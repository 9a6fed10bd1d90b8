"""The command line: one file a command. Parses, calls, prints, sets the exit code."""
