"""The examples of the repository, run on a server of their own."""
