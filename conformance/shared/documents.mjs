// What the clients ask. An `order` starts two children, and waits for the signal `packed` between them.
export const START = `mutation Start($input: StartExecutionInput!) {
  startExecution(input: $input) {
    execution { id status lastSeq }
    errors { __typename code message path ... on ValidationError { hint } }
  }
}`

export const SIGNAL = `mutation Signal($input: SignalExecutionInput!) {
  signalExecution(input: $input) { execution { id } errors { code message } }
}`

export const EVENTS = `subscription Events($id: ID!, $after: Int) {
  executionEvents(executionId: $id, after: $after, includeEphemeral: false) {
    __typename seq at
    ... on StepWaiting { stepId waitingFor { kind signal } }
    ... on ExecutionSucceeded { output }
  }
}`

let orders = 0

export const order = () => ({
  workflow: 'order',
  input: {
    order: `C-${process.pid}-${(orders += 1)}`,
    country: 'NL',
    pace: '200ms',
    items: [{ sku: 'loom', quantity: 1, price: 24900 }],
  },
})

export const packed = (id) => ({ id, name: 'packed', payload: { parcels: 2 } })

/** From 1 without gaps, so none is missing and none came twice. */
export const upTo = (last) => Array.from({ length: last }, (_, place) => place + 1)
