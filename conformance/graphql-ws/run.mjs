// The client of graphql-transport-ws by the protocol's author.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createClient } from 'graphql-ws'
import WebSocket from 'ws'
import { check, finish } from './shared/checks.mjs'
import { EVENTS, order, packed, SIGNAL, START, upTo } from './shared/documents.mjs'
import { cuttable } from './shared/proxy.mjs'

const [url] = process.argv.slice(2)

function connected(to, options = {}) {
  return createClient({ url: `${to.replace('http', 'ws')}/graphql`, webSocketImpl: WebSocket, ...options })
}

async function one(client, query, variables) {
  for await (const result of client.iterate({ query, variables })) return result
}

async function start(client) {
  const { data } = await one(client, START, { input: order() })
  assert.deepEqual(data.startExecution.errors, [])
  return data.startExecution.execution.id
}

await check('a query is answered, and completed', async () => {
  const results = []
  for await (const result of connected(url).iterate({ query: '{ health { status } }' })) results.push(result)
  assert.deepEqual(results.map(({ data }) => data), [{ health: { status: 'SERVING' } }])
})

await check('a mutation is answered, with refusals as data', async () => {
  const { data, errors } = await one(connected(url), START, { input: { workflow: 'order', input: {} } })
  assert.equal(errors, undefined)
  assert.equal(data.startExecution.execution, null)
  assert.ok(data.startExecution.errors.every(({ code }) => code === 'VALIDATION_FAILED'))
})

await check('what is wrong with a document is an error of its operation, and the socket stays', async () => {
  let sockets = 0
  const client = connected(url, { lazy: false, retryAttempts: 0, on: { opened: () => (sockets += 1) } })
  for (const [query, code] of [
    ['{ nothing }', 'GRAPHQL_VALIDATION_FAILED'],
    ['{', 'GRAPHQL_PARSE_FAILED'],
    ['subscription { executionEvents(executionId: "none") { seq } }', 'NOT_FOUND'],
  ]) {
    const said = await one(client, query).then(({ errors }) => errors, (errors) => errors)
    assert.equal(said[0].extensions.code, code, JSON.stringify(said))
  }
  assert.equal((await one(client, '{ __typename }')).data.__typename, 'Query')
  assert.equal(sockets, 1)
})

await check('a subscription gives every event in order, and completes with its execution', async () => {
  const client = connected(url)
  const id = await start(client)
  const seen = []
  for await (const { data } of client.iterate({ query: EVENTS, variables: { id } })) {
    seen.push(data.executionEvents)
    if (seen.at(-1).waitingFor?.signal === 'packed') await one(client, SIGNAL, { input: packed(id) })
  }
  assert.deepEqual(seen.map(({ seq }) => seq), upTo(seen.length))
  assert.equal(seen.at(-1).__typename, 'ExecutionSucceeded')
})

await check('many operations share a socket, and each may be stopped alone', async () => {
  let sockets = 0
  const client = connected(url, { lazy: false, on: { opened: () => (sockets += 1) } })
  const id = await start(client)
  const first = client.iterate({ query: EVENTS, variables: { id } })
  await first.next()
  const answers = await Promise.all(upTo(50).map(() => one(client, '{ __typename }')))
  assert.ok(answers.every(({ data }) => data.__typename === 'Query'))
  await first.return()
  await one(client, SIGNAL, { input: packed(id) })
  assert.equal(sockets, 1)
})

await check('pings are answered in time', async () => {
  const pongs = []
  const client = connected(url, { lazy: false, keepAlive: 20, on: { pong: (received) => pongs.push(received) } })
  while (pongs.filter(Boolean).length < 3) await one(client, '{ __typename }')
  await client.dispose()
})

await check('many who watch the same see the same, wherever they begin and whenever they come', async () => {
  const watch = async (id, after) => {
    const seqs = []
    for await (const { data } of connected(url).iterate({ query: EVENTS, variables: { id, after } })) {
      seqs.push(data.executionEvents.seq)
    }
    return seqs
  }
  const client = connected(url)
  const id = await start(client)
  const places = upTo(20).map((place) => place % 4)
  const watching = places.map((after) => watch(id, after))
  for await (const { data } of client.iterate({ query: EVENTS, variables: { id } })) {
    if (data.executionEvents.waitingFor?.signal !== 'packed') continue
    watching.push(...places.map((after) => watch(id, after)))
    await one(client, SIGNAL, { input: packed(id) })
  }
  const seen = await Promise.all(watching)
  const all = seen.find(([first]) => first === 1)
  assert.deepEqual(all, upTo(all.length))
  seen.forEach((seqs, place) => assert.deepEqual(seqs, all.slice(places[place % places.length])))
})

await check('an id that is in use, and what is no message, end the socket as the protocol says', async () => {
  const closed = async (...frames) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
    socket.on('open', () => frames.forEach((frame) => socket.send(frame)))
    const [code] = await once(socket, 'close')
    return code
  }
  const init = '{"type":"connection_init"}'
  const all = JSON.stringify({ type: 'subscribe', id: '1', payload: { query: 'subscription { executionUpdated { id } }' } })
  assert.equal(await closed(init, all, all), 4409)
  assert.equal(await closed(init, init), 4429)
  assert.equal(await closed(all), 4401)
  assert.equal(await closed(init, '[]'), 4400)
  assert.equal(await closed(init, Buffer.from(init)), 4400)
})

await check('whoever reconnects with the last seq it saw misses nothing and sees nothing twice', async () => {
  const network = await cuttable(url)
  let sockets = 0
  const client = connected(network.url, {
    retryAttempts: 10,
    retryWait: async () => {},
    shouldRetry: () => true,
    on: { opened: () => (sockets += 1) },
  })
  const steady = connected(url)
  const id = await start(steady)
  // The client sends the same payload when it comes back, as its variables are then: what counts is what has arrived.
  const variables = { id, after: 0 }
  const seen = []
  await new Promise((complete, error) => {
    const next = ({ data }) => {
      seen.push(data.executionEvents)
      variables.after = seen.at(-1).seq
      if (seen.at(-1).waitingFor?.signal === 'packed') one(steady, SIGNAL, { input: packed(id) }).catch(error)
      if (seen.length % 4 === 0) network.cut()
    }
    client.subscribe({ query: EVENTS, variables }, { next, complete, error })
  })
  assert.ok(sockets > 2, `${sockets} sockets`)
  assert.deepEqual(seen.map(({ seq }) => seq), upTo(seen.length))
  assert.equal(seen.at(-1).__typename, 'ExecutionSucceeded')
})

finish()
