"""The operator's page: what runs, what is behind, what could not be delivered or handled, and letting it be tried again."""
