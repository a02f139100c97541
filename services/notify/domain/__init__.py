"""Deadlines, messages, preferences and receipts, decided purely: state, moment and facts in, events out; no IO."""
