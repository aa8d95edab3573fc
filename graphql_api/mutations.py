"""The root of mutations."""

import strawberry

from graphql_api.batch_mutations import BatchMutations
from graphql_api.execution_mutations import ExecutionMutations
from graphql_api.trigger_mutations import TriggerMutations
from graphql_api.workflow_mutations import WorkflowMutations


@strawberry.type(
    description="What can be changed. Each takes one `input` and answers with the changed thing (null if nothing "
    "changed) and "
    "`errors` (empty if all went well)."
)
class Mutation(WorkflowMutations, ExecutionMutations, BatchMutations, TriggerMutations):
    pass
