"""What has a global id."""

import strawberry


@strawberry.interface(description="Something with a global id; `node` finds it again.")
class Node:
    id: strawberry.ID = strawberry.field(description="Unique over all types. Opaque: do not take it apart.")
