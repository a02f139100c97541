"""`lagspill conformance`: drives a subscriber through what can happen to one, and says what it did wrong."""
