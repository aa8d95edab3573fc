"""One file for each question that is measured."""
