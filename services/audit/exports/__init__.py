"""Exports: entries as a file for somebody else, in four formats, streamed, and each one an entry itself.

What holds: nothing leaves before the access record of it is committed; a file is made of one checkpoint's entries and says which;
its last line has the count and the SHA-256 of everything before it; no connection and no lock is held while a client reads.
"""
