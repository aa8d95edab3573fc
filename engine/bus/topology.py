"""The topics of a deployment and who consumes them: what `weft provision` creates and `weft doctor` looks for."""

from engine.bus.topics import BATCH_WAKE, DELIVERED, EVENTS, INBOX, POKE, WAKE

RESERVED_PREFIX = "weft."
"""Topics of the engine. A workflow may publish to `EMITTED` alone of them: elsewhere it could forge hints for other tenants."""
EMITTED = "weft.emitted"
"""What `emit` steps publish, unless they name another topic."""
DEAD_LETTERS = "weft.dead_letters"
"""Messages whose handlers failed every time."""
TOPICS = (EVENTS, WAKE, POKE, BATCH_WAKE, INBOX, DELIVERED, EMITTED, DEAD_LETTERS)
WORKERS = "workers"
BATCHES = "batches"
TRIGGERS = "triggers"
KEPT = "kept"
GROUPS = ((WAKE, WORKERS), (BATCH_WAKE, BATCHES), (INBOX, TRIGGERS), (EMITTED, TRIGGERS))
"""Topics with the groups that compete for their messages."""
