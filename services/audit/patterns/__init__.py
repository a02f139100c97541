"""Subsequent control (etterfølgende kontroll): the log is examined for patterns, and a person answers for each finding."""
