// The client of GraphQL over server-sent events in distinct connections, and an EventSource as browsers have it.
import assert from 'node:assert/strict'
import { EventSource } from 'eventsource'
import { createClient } from 'graphql-sse'
import { check, finish } from './shared/checks.mjs'
import { EVENTS, order, packed, SIGNAL, START, upTo } from './shared/documents.mjs'
import { cuttable } from './shared/proxy.mjs'

const [url] = process.argv.slice(2)

const connected = (to, options = {}) => createClient({ url: `${to}/graphql`, ...options })
const steady = connected(url)

async function one(query, variables) {
  for await (const result of steady.iterate({ query, variables })) return result
}

async function start() {
  const { data } = await one(START, { input: order() })
  assert.deepEqual(data.startExecution.errors, [])
  return data.startExecution.execution.id
}

await check('a query is answered, and completed', async () => {
  const results = []
  for await (const result of steady.iterate({ query: '{ health { status } }' })) results.push(result)
  assert.deepEqual(results.map(({ data }) => data), [{ health: { status: 'SERVING' } }])
})

await check('a mutation is answered, with refusals as data', async () => {
  const { data, errors } = await one(START, { input: { workflow: 'order', input: {} } })
  assert.equal(errors, undefined)
  assert.equal(data.startExecution.execution, null)
  assert.ok(data.startExecution.errors.every(({ code }) => code === 'VALIDATION_FAILED'))
})

await check('what is wrong with a document comes as errors of its operation', async () => {
  for (const [query, code] of [
    ['{ nothing }', 'GRAPHQL_VALIDATION_FAILED'],
    ['{', 'GRAPHQL_PARSE_FAILED'],
    ['subscription { executionEvents(executionId: "none") { seq } }', 'NOT_FOUND'],
  ]) {
    const { errors } = await one(query)
    assert.equal(errors[0].extensions.code, code, JSON.stringify(errors))
  }
})

await check('a subscription gives every event in order, and completes with its execution', async () => {
  const id = await start()
  const seen = []
  for await (const { data } of steady.iterate({ query: EVENTS, variables: { id } })) {
    seen.push(data.executionEvents)
    if (seen.at(-1).waitingFor?.signal === 'packed') await one(SIGNAL, { input: packed(id) })
  }
  assert.deepEqual(seen.map(({ seq }) => seq), upTo(seen.length))
  assert.equal(seen.at(-1).__typename, 'ExecutionSucceeded')
})

await check('whoever reconnects with the last seq it saw misses nothing and sees nothing twice', async () => {
  const network = await cuttable(url)
  let connections = 0
  const client = connected(network.url, {
    retryAttempts: 10,
    retry: async () => {},
    on: { connected: () => (connections += 1) },
  })
  const id = await start()
  // The client sends the same request when it comes back, as its variables are then: what counts is what has arrived.
  const variables = { id, after: 0 }
  const seen = []
  await new Promise((complete, error) => {
    const next = ({ data }) => {
      seen.push(data.executionEvents)
      variables.after = seen.at(-1).seq
      if (seen.at(-1).waitingFor?.signal === 'packed') one(SIGNAL, { input: packed(id) }).catch(error)
      if (seen.length % 4 === 0) network.cut()
    }
    client.subscribe({ query: EVENTS, variables }, { next, complete, error })
  })
  assert.ok(connections > 2, `${connections} connections`)
  assert.deepEqual(seen.map(({ seq }) => seq), upTo(seen.length))
  assert.equal(seen.at(-1).__typename, 'ExecutionSucceeded')
})

await check('an EventSource that loses its connection goes on by itself, behind the last event', async () => {
  const network = await cuttable(url)
  const id = await start()
  const address = new URL(`${network.url}/graphql`)
  address.searchParams.set('query', EVENTS)
  address.searchParams.set('variables', JSON.stringify({ id }))
  const source = new EventSource(address)
  const seen = []
  let connections = 0
  source.addEventListener('open', () => (connections += 1))
  await new Promise((resolve, reject) => {
    source.addEventListener('next', ({ data, lastEventId }) => {
      const event = JSON.parse(data).data.executionEvents
      if (String(event.seq) !== lastEventId) reject(new Error(`id ${lastEventId} of ${data}`))
      seen.push(event)
      if (event.waitingFor?.signal === 'packed') one(SIGNAL, { input: packed(id) }).catch(reject)
      if (seen.length === 4) network.cut()
    })
    source.addEventListener('complete', resolve)
  })
  source.close()
  assert.ok(connections > 1, `${connections} connections`)
  assert.deepEqual(seen.map(({ seq }) => seq), upTo(seen.length))
  assert.equal(seen.at(-1).__typename, 'ExecutionSucceeded')
})

finish()
