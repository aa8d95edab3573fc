"""What is done with triggers, events and what became of them."""
