"""What inputs have in common."""

import strawberry

INPUT = strawberry.argument(name="input", description="All that the mutation takes.")
KEY = "The same key with the same input gives the first call's answer again; null gives no such protection."


@strawberry.input(description="Something by its name.")
class NamedInput:
    name: str = strawberry.field(description="Its name.")
