"""The whole copy of a case for a guardian or the child (GDPR art. 15 and 20): a readable page, the same for programs, documents."""
