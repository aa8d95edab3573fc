"""What turns events and times into executions."""
