"""Pages of the meetings service, for the municipality's own people: saved and read anywhere, without a script."""
