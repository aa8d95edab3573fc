// What an application with Relay would write: the compiler reads it, and checks it against the schema.
graphql`
  fragment documentsFailure_reason on Failure {
    kind
    code
    message
    stepId
    retryable
  }
`

graphql`
  fragment documentsExecution_row on Execution {
    id
    status
    createdAt
    workflow {
      id
      name
    }
    progress {
      done
      total
    }
    failure {
      ...documentsFailure_reason
    }
  }
`

graphql`
  fragment documentsExecutions_list on Query
  @refetchable(queryName: "documentsExecutionsPageQuery")
  @argumentDefinitions(first: { type: "Int", defaultValue: 1 }, after: { type: "String" }, filter: { type: "ExecutionFilter" }) {
    executions(first: $first, after: $after, filter: $filter) @connection(key: "Executions_executions") {
      edges {
        node {
          id
          ...documentsExecution_row
        }
      }
    }
  }
`

graphql`
  query documentsExecutionsQuery {
    ...documentsExecutions_list
  }
`

graphql`
  fragment documentsSteps_list on Execution
  @refetchable(queryName: "documentsStepsPageQuery")
  @argumentDefinitions(first: { type: "Int", defaultValue: 2 }, after: { type: "String" }) {
    steps(first: $first, after: $after) @connection(key: "Execution_steps") {
      edges {
        node {
          id
          stepId
          status
        }
      }
    }
  }
`

graphql`
  query documentsNodeQuery($id: ID!) {
    node(id: $id) {
      __typename
      id
      ...documentsSteps_list @alias(as: "list")
      ... on Execution {
        lastSeq
        ...documentsExecution_row @alias(as: "row")
      }
      ... on Workflow {
        name
        latestVersion {
          number
          steps {
            id
            kind
          }
        }
      }
    }
  }
`

graphql`
  mutation documentsStartMutation($input: StartExecutionInput!) {
    startExecution(input: $input) {
      execution {
        ...documentsExecution_row
      }
      errors {
        __typename
        code
        message
        path
        ... on ValidationError {
          hint
        }
        ... on ConflictError {
          existingId
        }
        ... on LimitError {
          retryAfter
        }
      }
    }
  }
`

graphql`
  mutation documentsCreateMutation($input: CreateWorkflowInput!) {
    createWorkflow(input: $input) {
      workflow {
        id
        latestVersion {
          number
          steps {
            id
            kind
          }
        }
      }
      errors {
        code
        message
      }
    }
  }
`

graphql`
  subscription documentsEventsSubscription($id: ID!, $after: Int) {
    executionEvents(executionId: $id, after: $after, includeEphemeral: false) {
      __typename
      seq
      ... on StepFailed {
        failure {
          ...documentsFailure_reason
        }
      }
      ... on StepWaiting {
        stepId
        waitingFor {
          signal
        }
      }
    }
  }
`

graphql`
  subscription documentsUpdatedSubscription($filter: ExecutionFilter) {
    executionUpdated(filter: $filter) {
      ...documentsExecution_row
    }
  }
`
