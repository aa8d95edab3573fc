"""When Python looks for garbage, and where it need not."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collection() -> Iterator[None]:
    """For imports: they make hundreds of thousands of objects, all of which stay. Looking through them in between takes a
    tenth of the time, and doing so again later, as Python would, stops a server for longer than a step takes. So nothing
    is collected meanwhile, and what is there at the end is never looked at again.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
