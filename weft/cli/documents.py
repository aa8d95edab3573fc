"""The GraphQL documents that the commands send."""

_FAILURE = "{ kind code message stepId retryable details }"
_USAGE = "{ inputTokens outputTokens costUsd modelCalls }"
_WAITING_FOR = "{ kind prompt schema until signal assignees interruptId value executionId }"
_ERRORS = """errors {
  code message path
  ... on ValidationError { hint }
  ... on ConflictError { currentRevision existingId }
  ... on LimitError { retryAfter }
}"""
_WORKFLOW = "id name title status labels createdAt updatedAt latestVersion { number } activeVersion { number }"
_EXECUTION = f"""id status revision lastSeq lane priority labels createdAt startedAt finishedAt deadline
  workflow {{ name }} version {{ number }}
  progress {{ total done failed running waiting percent }}
  usage {_USAGE}
  failure {_FAILURE}"""
_STEP = f"""stepId kind status attempt startedAt finishedAt
  failure {_FAILURE}
  waitingFor {_WAITING_FOR}
  usage {_USAGE}"""
_PAGE = "pageInfo { hasNextPage endCursor }"

ALIASED = "__"
"""Ends the aliases that GraphQL wants where two events have a field of one name, nullable in one of them alone."""

EVENTS = f"""
subscription($id: ID!, $after: Int!, $ephemeral: Boolean!) {{
  executionEvents(executionId: $id, after: $after, includeEphemeral: $ephemeral) {{
    __typename executionId seq at
    ... on ExecutionQueued {{ lane }}
    ... on ExecutionStarted {{ worker }}
    ... on ExecutionStatusChanged {{ from to reason{ALIASED}: reason actor }}
    ... on ExecutionEdited {{ revision diff actor }}
    ... on ExecutionSucceeded {{ output }}
    ... on ExecutionFailed {{ failure {_FAILURE} }}
    ... on ExecutionTimedOut {{ failure {_FAILURE} }}
    ... on ExecutionCancelled {{ reason{ALIASED}: reason actor }}
    ... on SignalReceived {{ name payload actor }}
    ... on StepStarted {{ stepId attempt kind }}
    ... on StepSucceeded {{ stepId attempt output usage{ALIASED}: usage {_USAGE} }}
    ... on StepFailed {{ stepId attempt failure {_FAILURE} }}
    ... on StepRetryScheduled {{ stepId attempt notBefore failure {_FAILURE} }}
    ... on StepSkipped {{ stepId reason }}
    ... on StepCancelled {{ stepId reason{ALIASED}: reason }}
    ... on StepWaiting {{ stepId waitingFor {_WAITING_FOR} }}
    ... on StepResumed {{ stepId payload actor }}
    ... on StepCompensated {{ stepId }}
    ... on ItemEnded {{ stepId index failed output }}
    ... on ModelCalled {{ stepId model usage {_USAGE} }}
    ... on CheckpointSaved {{ stepId checkpointId }}
    ... on ToolCalled {{ stepId callId tool arguments }}
    ... on ToolReturned {{ stepId callId tool result failure{ALIASED}: failure {_FAILURE} }}
    ... on StepProgressed {{ stepId message{ALIASED}: message fraction data }}
    ... on StepOutputDelta {{ stepId text }}
    ... on LogWritten {{ stepId{ALIASED}: stepId level message fields }}
  }}
}}"""

EXECUTION_STATUS = "query($id: ID!) { execution(id: $id) { status } }"
EXECUTION_PLAN = (
    "query($id: ID!) { execution(id: $id) { status definition workflow { name title } version { number } } }"
)
EXECUTION = f"query($id: ID!) {{ execution(id: $id) {{ {_EXECUTION} input output }} }}"
EXECUTIONS = f"""
query($filter: ExecutionFilter, $first: Int!, $after: String) {{
  executions(filter: $filter, first: $first, after: $after) {{ nodes {{ {_EXECUTION} }} {_PAGE} }}
}}"""
STEPS = f"""
query($id: ID!, $first: Int!, $after: String) {{
  execution(id: $id) {{ steps(first: $first, after: $after) {{ nodes {{ {_STEP} }} {_PAGE} }} }}
}}"""
STEP = f"query($id: ID!, $step: String!) {{ execution(id: $id) {{ step(id: $step) {{ {_STEP} }} }} }}"
WAITING = f"""
query($assignee: String, $first: Int!, $after: String) {{
  waitingSteps(assignee: $assignee, first: $first, after: $after) {{
    nodes {{ execution {{ id workflow {{ name }} }} step {{ {_STEP} }} }} {_PAGE}
  }}
}}"""

WORKFLOW = f"query($name: String!) {{ workflow(name: $name) {{ {_WORKFLOW} }} }}"
WORKFLOW_NODE = f"query($id: ID!) {{ node(id: $id) {{ ... on Workflow {{ {_WORKFLOW} }} }} }}"
WORKFLOWS = f"""
query($filter: WorkflowFilter, $first: Int!, $after: String) {{
  workflows(filter: $filter, first: $first, after: $after) {{ nodes {{ {_WORKFLOW} }} {_PAGE} }}
}}"""

HEALTH = "{ health { status version uptime store bus checks { name status message } } }"


def _mutation(name: str, input_type: str, changed: str) -> str:
    return f"mutation($input: {input_type}!) {{ {name}(input: $input) {{ {changed} {_ERRORS} }} }}"


CREATE_WORKFLOW = _mutation("createWorkflow", "CreateWorkflowInput", f"workflow {{ {_WORKFLOW} }}")
UPDATE_WORKFLOW = _mutation("updateWorkflow", "UpdateWorkflowInput", f"workflow {{ {_WORKFLOW} }}")
START = _mutation("startExecution", "StartExecutionInput", f"execution {{ {_EXECUTION} }}")
CANCEL = _mutation("cancelExecution", "CancelExecutionInput", f"execution {{ {_EXECUTION} }}")
PAUSE = _mutation("pauseExecution", "ExecutionInput", f"execution {{ {_EXECUTION} }}")
RESUME = _mutation("resumeExecution", "ResumeExecutionInput", f"execution {{ {_EXECUTION} }}")
SIGNAL = _mutation("signalExecution", "SignalExecutionInput", f"execution {{ {_EXECUTION} }}")
COMPLETE_STEP = _mutation("completeStep", "CompleteStepInput", f"execution {{ {_EXECUTION} }}")
RETRY = _mutation("retryExecution", "RetryExecutionInput", f"execution {{ {_EXECUTION} }}")

_TRIGGER = """id name kind status pausedBecause condition config createdAt nextFireAt lastFiredAt webhookUrl
  inputMapping dedupKey dedupWindow maxAttempts throttle { limit per } buffer { maxSize maxWait key }
  workflow { name }"""
_DELIVERY = f"id at eventId outcome event execution {{ id status }} failure {_FAILURE}"
_BATCH = "id action status total accepted rejected createdAt"

TRIGGER = f"query($name: String!) {{ trigger(name: $name) {{ {_TRIGGER} }} }}"
TRIGGER_IN_DETAIL = f"""
query($name: String!) {{
  trigger(name: $name) {{
    {_TRIGGER} nextFireTimes(first: 5) stats {{ received started filtered duplicates throttled failed }}
  }}
}}"""
TRIGGERS = f"""
query($kind: [TriggerKind!], $first: Int!, $after: String) {{
  triggers(kind: $kind, first: $first, after: $after) {{ nodes {{ {_TRIGGER} }} {_PAGE} }}
}}"""
TRIGGER_TIMES = "query($name: String!, $first: Int!) { trigger(name: $name) { kind nextFireTimes(first: $first) } }"
DELIVERIES = f"""
query($name: String!, $outcome: [DeliveryOutcome!], $first: Int!, $after: String) {{
  trigger(name: $name) {{
    deliveries(outcome: $outcome, first: $first, after: $after) {{ nodes {{ {_DELIVERY} }} {_PAGE} }}
  }}
}}"""
DELIVERIES_LIVE = f"subscription($name: String!) {{ triggerDeliveries(name: $name) {{ {_DELIVERY} }} }}"

CREATE_TRIGGER = _mutation("createTrigger", "CreateTriggerInput", f"trigger {{ {_TRIGGER} }}")
UPDATE_TRIGGER = _mutation("updateTrigger", "UpdateTriggerInput", f"trigger {{ {_TRIGGER} }}")
PAUSE_TRIGGER = _mutation("pauseTrigger", "NamedInput", f"trigger {{ {_TRIGGER} }}")
RESUME_TRIGGER = _mutation("resumeTrigger", "NamedInput", f"trigger {{ {_TRIGGER} }}")
ROTATE_WEBHOOK = _mutation("rotateWebhook", "NamedInput", f"trigger {{ {_TRIGGER} }}")
DELETE_TRIGGER = _mutation("deleteTrigger", "NamedInput", "deletedId")
FIRE_TRIGGER = _mutation("fireTrigger", "FireTriggerInput", f"execution {{ {_EXECUTION} }}")
REPLAY_DELIVERY = _mutation("replayDelivery", "ReplayDeliveryInput", f"execution {{ {_EXECUTION} }}")
BACKFILL_TRIGGER = _mutation("backfillTrigger", "BackfillTriggerInput", f"batch {{ {_BATCH} }}")
PUBLISH_EVENT = _mutation("publishEvent", "PublishEventInput", "eventId")
