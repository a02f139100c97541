"""The case in plain language, for guardians and children: words, sentences, and the page (seed rules 99-101)."""
