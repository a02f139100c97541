"""The four services of Lagspill; none imports another."""
