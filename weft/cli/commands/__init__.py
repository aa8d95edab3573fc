"""One command each, named for it: the function `command`."""
