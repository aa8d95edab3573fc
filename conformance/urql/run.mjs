// urql with its normalized cache, which knows the schema and so complains about whatever it cannot make out.
import assert from 'node:assert/strict'
import { Client, fetchExchange, gql, subscriptionExchange } from '@urql/core'
import { cacheExchange } from '@urql/exchange-graphcache'
import { relayPagination } from '@urql/exchange-graphcache/extras'
import { buildClientSchema, getIntrospectionQuery, isObjectType } from 'graphql'
import { createClient } from 'graphql-ws'
import { pipe, subscribe, take } from 'wonka'
import WebSocket from 'ws'
import { check, finish } from './shared/checks.mjs'
import { EVENTS, order, packed, SIGNAL, START, upTo } from './shared/documents.mjs'

const [url] = process.argv.slice(2)
const introspection = await introspect()
const schema = buildClientSchema(introspection)
const socket = createClient({ url: `${url.replace('http', 'ws')}/graphql`, webSocketImpl: WebSocket })
const complaints = []

// What has no id of its own is part of what holds it. The `id` of a step of a definition is unique in its version alone.
const keys = Object.fromEntries(
  Object.values(schema.getTypeMap())
    .filter((type) => isObjectType(type) && !type.name.startsWith('__'))
    .filter((type) => String(type.getFields().id?.type) !== 'ID!')
    .map(({ name }) => [name, () => null]),
)

/** From the server: graphql-js 16 cannot introspect the schema's file, whose default value `{}` it takes for no JSON. */
async function introspect() {
  const client = new Client({ url: `${url}/graphql`, preferGetMethod: false, exchanges: [fetchExchange] })
  const { data, error } = await client.query(getIntrospectionQuery(), {}).toPromise()
  if (error) throw error
  return data
}

function connected() {
  return new Client({
    url: `${url}/graphql`,
    preferGetMethod: false,
    exchanges: [
      cacheExchange({
        schema: introspection,
        keys,
        resolvers: { Query: { executions: relayPagination() } },
        logger: (severity, message) => severity === 'debug' || complaints.push(`${severity}: ${message}`),
      }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables }, sink) }),
        }),
      }),
    ],
  })
}

async function asked(client, query, variables = {}, options = {}) {
  const { data, error } = await client.query(query, variables, options).toPromise()
  if (error) throw error
  return data
}

async function start(client) {
  const { data } = await client.mutation(START, { input: order() }).toPromise()
  assert.deepEqual(data.startExecution.errors, [])
  return data.startExecution.execution.id
}

const ROW = gql`fragment Row on Execution { id status workflow { id name } }`
const ONE = gql`${ROW} query One($id: ID!) { execution(id: $id) { ...Row } }`
const FROM_CACHE = { requestPolicy: 'cache-only' }

await check('fragments on interfaces are read from the cache again', async () => {
  const client = connected()
  const query = gql`
    fragment Identified on Node { id }
    fragment Told on ExecutionEvent { __typename seq ... on StepWaiting { waitingFor { signal } } }
    query { executions(first: 1, filter: { workflow: "order", status: [WAITING] }) { edges { node { ...Identified events { nodes { ...Told } } } } } }`
  await asked(client, query)
  const [{ node }] = (await asked(client, query, {}, FROM_CACHE)).executions.edges
  assert.ok(node.id)
  assert.equal(node.events.nodes[0].__typename, 'ExecutionQueued')
  assert.equal(node.events.nodes.find((event) => event.waitingFor?.signal)?.waitingFor.signal, 'packed')
})

await check('what may be null is left out of what the cache can give already', async () => {
  const client = connected()
  const { executions } = await asked(client, `{ executions(first: 1, filter: { status: [SUCCEEDED] }) { nodes { id status } } }`)
  const [{ id }] = executions.nodes
  await asked(client, `query Known($id: ID!) { execution(id: $id) { id status } }`, { id })
  const results = []
  await new Promise((resolve) => {
    const wider = `query Wider($id: ID!) { execution(id: $id) { id status finishedAt } }`
    pipe(client.query(wider, { id }), take(2), subscribe((result) => {
      results.push([result.data.execution.status, typeof result.data.execution.finishedAt, result.stale])
      if (results.length === 2) resolve()
    }))
  })
  assert.deepEqual(results, [['SUCCEEDED', 'object', true], ['SUCCEEDED', 'string', false]])
})

await check('pages are merged into one list', async () => {
  const client = connected()
  const query = `query Page($after: String) { executions(first: 1, after: $after) { edges { cursor node { id } } pageInfo { hasNextPage endCursor startCursor hasPreviousPage } } }`
  let data = await asked(client, query)
  for (let page = 0; page < 2; page += 1) data = await asked(client, query, { after: data.executions.pageInfo.endCursor })
  assert.equal(new Set(data.executions.edges.map(({ node }) => node.id)).size, 3)
})

await check('a mutation updates whatever shows the same object', async () => {
  const client = connected()
  const id = await start(client)
  await asked(client, ONE, { id })
  const mutation = gql`${ROW} mutation Cancel($id: ID!) { cancelExecution(input: { id: $id, force: true }) { execution { ...Row } errors { code } } }`
  const { data } = await client.mutation(mutation, { id }).toPromise()
  assert.deepEqual(data.cancelExecution.errors, [])
  assert.equal((await asked(client, ONE, { id }, FROM_CACHE)).execution.status, 'CANCELLED')
})

await check('refusals are data, and errors of a request have codes', async () => {
  const client = connected()
  const { data } = await client.mutation(START, { input: { workflow: 'none' } }).toPromise()
  assert.equal(data.startExecution.errors[0].code, 'NOT_FOUND')
  const { error } = await client.query('{ executions(first: 1000) { totalCount } }', {}).toPromise()
  assert.equal(error.graphQLErrors[0].extensions.code, 'BAD_USER_INPUT')
})

await check('a subscription gives every event in order', async () => {
  const client = connected()
  const id = await start(client)
  const seen = []
  await new Promise((resolve, reject) =>
    pipe(client.subscription(EVENTS, { id }), subscribe(({ data, error }) => {
      if (error) return reject(error)
      const event = data.executionEvents
      seen.push(event)
      if (event.waitingFor?.signal === 'packed') client.mutation(SIGNAL, { input: packed(id) }).toPromise()
      if (event.__typename === 'ExecutionSucceeded') resolve()
    })),
  )
  assert.deepEqual(seen.map(({ seq }) => seq), upTo(seen.length))
})

await check('steps of one id in two workflows stay apart', async () => {
  const client = connected()
  const definition = { name: `urql-${process.pid}`, steps: [{ id: 'total', kind: 'sleep', with: { for: '1s' } }] }
  const mutation = `mutation Create($input: CreateWorkflowInput!) { createWorkflow(input: $input) { errors { code message } } }`
  const created = await client.mutation(mutation, { input: { definition } }).toPromise()
  assert.deepEqual(created.data.createWorkflow.errors, [])
  const query = `query Steps($name: String!) { workflow(name: $name) { id latestVersion { id steps { id kind } } } }`
  for (const name of [definition.name, 'order']) await asked(client, query, { name })
  const { workflow } = await asked(client, query, { name: definition.name }, FROM_CACHE)
  assert.equal(workflow.latestVersion.steps[0].kind, 'sleep')
})

await check('the cache had nothing to complain about', async () => assert.deepEqual(complaints, []))

finish()
