// Relay: its compiler takes the schema and what an application would write, and its runtime executes that against the server.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createClient } from 'graphql-ws'
import runtime from 'relay-runtime'
import WebSocket from 'ws'
import { check, finish } from './shared/checks.mjs'
import { order, packed, SIGNAL, upTo } from './shared/documents.mjs'

const { commitMutation, createOperationDescriptor, fetchQuery, getSelector, requestSubscription } = runtime
const { Environment, Network, Observable, RecordSource, Store } = runtime
const [url, schema] = process.argv.slice(2)

const compiled = compile()
const socket = createClient({ url: `${url.replace('http', 'ws')}/graphql`, webSocketImpl: WebSocket })

/** The artifact of a document in `src`. */
function compile() {
  copyFileSync(schema, 'schema.graphql')
  rmSync('src/__generated__', { recursive: true, force: true })
  execFileSync(process.execPath, ['node_modules/relay-compiler/cli.js', '--noWatchman'], { stdio: ['ignore', 'inherit', 'inherit'] })
  const require = createRequire(import.meta.url)
  return (name) => require(`./src/__generated__/documents${name}.graphql.js`)
}

async function ask(query, variables) {
  const answer = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json' },
    body: JSON.stringify({ query, variables }),
  })
  return await answer.json()
}

function environment() {
  return new Environment({
    network: Network.create(
      ({ text }, variables) => ask(text, variables),
      ({ text }, variables) =>
        Observable.create((sink) => socket.subscribe({ query: text, variables }, sink)),
    ),
    store: new Store(new RecordSource()),
    // The `id` of a step of a definition is unique in its version alone.
    getDataID: (record, type) => (type === 'StepDefinition' ? undefined : record.id),
  })
}

const read = (relay, fragment, reference) => relay.lookup(getSelector(compiled(fragment), reference)).data
const query = (relay, name, variables = {}) => fetchQuery(relay, compiled(name), variables).toPromise()
const mutate = (relay, name, input) =>
  new Promise((resolve, reject) =>
    commitMutation(relay, { mutation: compiled(name), variables: { input }, onCompleted: resolve, onError: reject }),
  )

await check('a connection grows page by page, in one list', async () => {
  const relay = environment()
  const root = await query(relay, 'ExecutionsQuery')
  const list = () => read(relay, 'Executions_list', root).executions
  const { data } = await ask('{ executions(first: 100) { nodes { id } } }')
  const expected = data.executions.nodes.map(({ id }) => id)
  assert.ok(expected.length > 2)
  while (list().pageInfo.hasNextPage) {
    await query(relay, 'ExecutionsPageQuery', { first: 2, after: list().pageInfo.endCursor })
  }
  assert.deepEqual(list().edges.map(({ node }) => node.id), expected)
})

await check('rows read their own fragments, and nothing else', async () => {
  const relay = environment()
  const { executions } = read(relay, 'Executions_list', await query(relay, 'ExecutionsQuery'))
  assert.equal(executions.edges[0].node.status, undefined)
  const row = read(relay, 'Execution_row', executions.edges[0].node)
  assert.match(row.status, /^[A-Z]+$/)
  assert.ok(row.workflow.name)
})

await check('an object is refetched as a Node, and its own connection is paged', async () => {
  const relay = environment()
  const { data } = await ask('{ executions(first: 100) { nodes { id workflow { name } } } }')
  const { id } = data.executions.nodes.find(({ workflow }) => workflow.name === 'order')
  const { node } = await query(relay, 'NodeQuery', { id })
  assert.equal(node.__typename, 'Execution')
  const steps = () => read(relay, 'Steps_list', node.list).steps
  assert.equal(steps().edges.length, 2)
  while (steps().pageInfo.hasNextPage) await query(relay, 'StepsPageQuery', { id, after: steps().pageInfo.endCursor })
  assert.deepEqual(steps().edges.map(({ node: step }) => step.stepId), ['total', 'reserve', 'payment', 'packed', 'shipping'])
})

await check('a mutation gives what changed, or refusals of the right type', async () => {
  const relay = environment()
  const { startExecution: refused } = await mutate(relay, 'StartMutation', { workflow: 'order', input: {} })
  assert.equal(refused.execution, null)
  assert.equal(refused.errors[0].__typename, 'ValidationError')
  const { startExecution } = await mutate(relay, 'StartMutation', order())
  assert.deepEqual(startExecution.errors, [])
  assert.equal(read(relay, 'Execution_row', startExecution.execution).workflow.name, 'order')
})

await check('steps of one id in two workflows stay apart', async () => {
  const relay = environment()
  const steps = [{ id: 'total', kind: 'sleep', with: { for: '1s' } }]
  const definition = { name: `relay-${process.pid}`, steps }
  const { createWorkflow } = await mutate(relay, 'CreateMutation', { definition })
  assert.deepEqual(createWorkflow.errors, [])
  const { data } = await ask('{ workflow(name: "order") { id } }')
  const { id } = createWorkflow.workflow
  for (const each of [id, data.workflow.id]) await query(relay, 'NodeQuery', { id: each })
  const { node } = relay.lookup(createOperationDescriptor(compiled('NodeQuery'), { id }).fragment).data
  assert.deepEqual(node.latestVersion.steps, [{ id: 'total', kind: 'sleep' }])
})

await check('a subscription gives every event, and updates what is in the store', async () => {
  const relay = environment()
  const { startExecution } = await mutate(relay, 'StartMutation', order())
  const row = () => read(relay, 'Execution_row', startExecution.execution)
  const { id } = row()
  const updates = requestSubscription(relay, {
    subscription: compiled('UpdatedSubscription'),
    variables: { filter: { workflow: 'order' } },
  })
  const seen = []
  await new Promise((resolve, reject) =>
    requestSubscription(relay, {
      subscription: compiled('EventsSubscription'),
      variables: { id },
      onNext: ({ executionEvents: event }) => {
        seen.push(event)
        if (event.waitingFor?.signal === 'packed') ask(SIGNAL, { input: packed(id) }).catch(reject)
      },
      onCompleted: resolve,
      onError: reject,
    }),
  )
  assert.deepEqual(seen.map(({ seq }) => seq), upTo(seen.length))
  while (row().status !== 'SUCCEEDED') await new Promise((resolve) => setTimeout(resolve, 5))
  updates.dispose()
})

finish()
