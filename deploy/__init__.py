"""How Lagspill is run: the command line, the local set-up, the demo, the containers."""
