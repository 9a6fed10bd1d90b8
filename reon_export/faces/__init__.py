"""From a photograph to the network's input."""
