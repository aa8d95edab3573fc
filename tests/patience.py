"""How long a test waits for what should be there at once before it fails: long, since a machine may be busy with other things."""

PATIENCE_SECONDS = 60.0
