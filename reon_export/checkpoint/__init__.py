"""A weights file to a torch module and a spec."""
