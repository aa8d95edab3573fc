"""What is compared. Each side is a process of its own, which answers commands (see `answering.py`)."""
