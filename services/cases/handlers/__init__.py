"""One function for each command and each protected read. They fetch what the decisions need, and make the outcome true."""
