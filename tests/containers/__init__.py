"""The container tier: the same suites against official images, and the compose file as it stands."""
