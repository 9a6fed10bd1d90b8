"""The larger commands, a module each: parse, call, print."""
