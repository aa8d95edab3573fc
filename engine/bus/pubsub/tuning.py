"""The times and amounts of the bus."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """Seconds, unless they say otherwise."""

    call_seconds: float = 5.0
    """One request, except for the long polls."""
    ready_seconds: float = 2.0
    publish_seconds: float = 10.0
    """How long a message is offered to a service that does not answer."""
    batch_messages: int = 100
    batch_bytes: int = 1_000_000
    backlog_messages: int = 10_000
    """Hints that wait, for each topic; beyond it the oldest are lost."""
    backlog_bytes: int = 32_000_000
    listener_buffer: int = 1024
    listener_deadline_seconds: int = 10
    """Its messages are acknowledged as they arrive; one that a broken connection swallowed comes again after this."""
    listener_messages: int = 1000
    """Outstanding at a time, for a listener's subscription."""
    ack_deadline_seconds: int = 30
    """From 10 to 600 on the service. A message of a process that died comes to another one after this."""
    extend_every_seconds: float = 10.0
    """How often the deadlines of messages in handlers are moved; well below `ack_deadline_seconds`."""
    max_delivery_attempts: int = 10
    """From 5 to 100; then a message goes to the dead letters."""
    redelivery_seconds: tuple[float, ...] = (0.05, 0.2, 1.0, 2.0, 5.0)
    """Rests before a failed message is given back, by attempt, where the service does not space them itself."""
    pulls: int = 2
    """At a time. Measured on the emulator: one receives 8,000 messages/s, two 9,000, four 16,000 at thrice the calls when little comes."""
    gather_seconds: float = 0.05
    """How long acknowledgements wait for others. Sent at once they were one in six calls of an API and a worker under load; so it is
    half as many, and a tenth less CPU.
    """
    poll_seconds: float = 60.0
    """How long a pull waits for a message."""
    heartbeat_seconds: float = 30.0
    silence_seconds: float = 90.0
    """A stream on which nothing came for so long, not even a heartbeat, is taken to be dead."""
    reconnect_seconds: tuple[float, float] = (0.1, 10.0)
    """The first rest before another connection, and the longest."""
    grace_seconds: float = 10.0
    """How long a closing consumer waits for its handlers, and a closing bus for what it still has to publish."""
    farewell_seconds: float = 2.0
    """For last acknowledgements, and for deleting a listener's subscription."""
