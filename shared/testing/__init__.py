"""What the tests of any service need: databases, broker, clock, tokens, faults, signals to wait on."""
