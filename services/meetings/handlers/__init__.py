"""One function per command and per reading. Each loads, lets the domain decide, and makes it true in one transaction."""
