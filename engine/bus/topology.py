"""The topics of a deployment and who consumes them: what `weft provision` creates and `weft doctor` looks for."""

from engine.bus.topics import BATCH_WAKE, EVENTS, POKE, WAKE

RESERVED_PREFIX = "weft."
"""Topics of the engine. A workflow may publish to `EMITTED` alone of them: elsewhere it could forge hints for other tenants."""
EMITTED = "weft.emitted"
"""What `emit` steps publish, unless they name another topic."""
DEAD_LETTERS = "weft.dead_letters"
"""Messages whose handlers failed every time."""
TOPICS = (EVENTS, WAKE, POKE, BATCH_WAKE, EMITTED, DEAD_LETTERS)
WORKERS = "workers"
BATCHES = "batches"
KEPT = "kept"
GROUPS = ((WAKE, WORKERS), (BATCH_WAKE, BATCHES))
"""Topics with the groups that compete for their messages."""
