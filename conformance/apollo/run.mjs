// Apollo Client with its normalized cache, persisted queries and subscriptions, as an application sets it up.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client'
import { CombinedGraphQLErrors } from '@apollo/client/errors'
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries'
import { GraphQLWsLink } from '@apollo/client/link/subscriptions'
import { relayStylePagination } from '@apollo/client/utilities'
import { createClient } from 'graphql-ws'
import { lastValueFrom, tap, toArray } from 'rxjs'
import WebSocket from 'ws'
import { check, finish } from './shared/checks.mjs'
import { EVENTS, order, packed, SIGNAL, START, upTo } from './shared/documents.mjs'

const [url] = process.argv.slice(2)
const http = new HttpLink({ uri: `${url}/graphql` })
const socket = new GraphQLWsLink(createClient({ url: `${url.replace('http', 'ws')}/graphql`, webSocketImpl: WebSocket }))
const possibleTypes = await readPossibleTypes()

/** As Apollo's documentation has it. */
async function readPossibleTypes() {
  const client = new ApolloClient({ link: http, cache: new InMemoryCache() })
  const { data } = await client.query({ query: gql`{ __schema { types { kind name possibleTypes { name } } } }` })
  const abstract = data.__schema.types.filter(({ possibleTypes }) => possibleTypes?.length)
  return Object.fromEntries(abstract.map(({ name, possibleTypes }) => [name, possibleTypes.map((type) => type.name)]))
}

function connected(link = http) {
  const typePolicies = {
    Query: { fields: { executions: relayStylePagination(['filter', 'orderBy']) } },
    // The `id` of a step of a definition is unique in its version alone.
    StepDefinition: { keyFields: false },
  }
  const cache = new InMemoryCache({ possibleTypes, typePolicies })
  return new ApolloClient({ cache, link: ApolloLink.split(isSubscription, socket, link) })
}

const isSubscription = ({ operationType }) => operationType === 'subscription'
const EXECUTION = gql`fragment Row on Execution { id status workflow { id name } }`

async function start(client) {
  const { data } = await client.mutate({ mutation: gql(START), variables: { input: order() } })
  assert.deepEqual(data.startExecution.errors, [])
  return data.startExecution.execution.id
}

await check('interfaces are known with all of their types', async () => {
  assert.deepEqual(possibleTypes.UserError.toSorted(), ['ConflictError', 'GenericError', 'LimitError', 'ValidationError'])
  assert.ok(possibleTypes.Node.includes('Execution') && possibleTypes.ExecutionEvent.includes('StepWaiting'))
})

await check('fragments on interfaces are read from the cache again', async () => {
  const client = connected()
  const query = gql`
    fragment Identified on Node { id }
    fragment Told on ExecutionEvent { __typename seq ... on StepWaiting { waitingFor { signal } } }
    query { executions(first: 1, filter: { workflow: "order", status: [WAITING] }) { edges { node { ...Identified events { nodes { ...Told } } } } } }`
  await client.query({ query })
  const { executions } = client.readQuery({ query })
  const [{ node }] = executions.edges
  assert.ok(node.id)
  assert.equal(node.events.nodes[0].__typename, 'ExecutionQueued')
  assert.equal(node.events.nodes.find((event) => event.waitingFor?.signal)?.waitingFor.signal, 'packed')
})

await check('pages are merged into one list', async () => {
  const client = connected()
  const query = gql`query Page($after: String) { executions(first: 1, after: $after) { edges { cursor node { id } } pageInfo { hasNextPage endCursor startCursor hasPreviousPage } } }`
  const list = client.watchQuery({ query })
  const subscription = list.subscribe(() => {})
  await list.result?.()
  let { data } = await client.query({ query })
  for (let page = 0; page < 2; page += 1) {
    await list.fetchMore({ variables: { after: data.executions.pageInfo.endCursor } })
    data = client.readQuery({ query })
  }
  subscription.unsubscribe()
  assert.equal(new Set(data.executions.edges.map(({ node }) => node.id)).size, 3)
})

await check('a mutation updates whatever shows the same object', async () => {
  const client = connected()
  const id = await start(client)
  const query = gql`${EXECUTION} query One($id: ID!) { execution(id: $id) { ...Row } }`
  await client.query({ query, variables: { id } })
  const mutation = gql`${EXECUTION} mutation Cancel($id: ID!) { cancelExecution(input: { id: $id, force: true }) { execution { ...Row } errors { code } } }`
  const { data } = await client.mutate({ mutation, variables: { id } })
  assert.deepEqual(data.cancelExecution.errors, [])
  assert.equal(client.readQuery({ query, variables: { id } }).execution.status, 'CANCELLED')
})

await check('refusals are data, of the type that says more', async () => {
  const { data } = await connected().mutate({ mutation: gql(START), variables: { input: { workflow: 'none' } } })
  const [error] = data.startExecution.errors
  assert.deepEqual([error.code, error.path], ['NOT_FOUND', ['workflow']])
})

await check('errors of a request have codes', async () => {
  const query = gql`{ executions(first: 1000) { totalCount } }`
  const error = await connected().query({ query }).then(() => null, (caught) => caught)
  assert.ok(CombinedGraphQLErrors.is(error), String(error))
  assert.equal(error.errors[0].extensions.code, 'BAD_USER_INPUT')
})

await check('documents are sent once, and asked by their hash then, by GET too', async () => {
  const sha256 = (text) => createHash('sha256').update(text).digest('hex')
  const requests = []
  const recorded = new HttpLink({
    uri: `${url}/graphql`,
    fetch: (address, options) => {
      requests.push([options.method, `${address}${options.body ?? ''}`.includes(`{executions`)])
      return fetch(address, options)
    },
  })
  const link = new PersistedQueryLink({ sha256, useGETForHashedQueries: true }).concat(recorded)
  const query = gql`query Persisted {executions(first: 2) { totalCount edges { node { id } } } }`
  for (let time = 0; time < 2; time += 1) {
    const { data } = await connected(link).query({ query })
    assert.ok(data.executions.totalCount > 2)
  }
  assert.deepEqual(requests.map(([method]) => method), ['GET', 'POST', 'GET'])
})

await check('a subscription gives every event in order', async () => {
  const client = connected()
  const id = await start(client)
  const signal = ({ data }) => {
    const waits = data.executionEvents.waitingFor?.signal === 'packed'
    if (waits) client.mutate({ mutation: gql(SIGNAL), variables: { input: packed(id) } })
  }
  const events = client.subscribe({ query: gql(EVENTS), variables: { id } })
  const seen = (await lastValueFrom(events.pipe(tap(signal), toArray()))).map(({ data }) => data.executionEvents)
  assert.deepEqual(seen.map(({ seq }) => seq), upTo(seen.length))
  assert.equal(seen.at(-1).__typename, 'ExecutionSucceeded')
})

await check('steps of one id in two workflows stay apart', async () => {
  const client = connected()
  const definition = { name: `apollo-${process.pid}`, steps: [{ id: 'total', kind: 'sleep', with: { for: '1s' } }] }
  const mutation = gql`mutation Create($input: CreateWorkflowInput!) { createWorkflow(input: $input) { errors { code message } } }`
  const created = await client.mutate({ mutation, variables: { input: { definition } } })
  assert.deepEqual(created.data.createWorkflow.errors, [])
  const query = gql`query Steps($name: String!) { workflow(name: $name) { id latestVersion { id steps { id kind } } } }`
  for (const name of [definition.name, 'order']) await client.query({ query, variables: { name } })
  const { workflow } = client.readQuery({ query, variables: { name: definition.name } })
  assert.equal(workflow.latestVersion.steps[0].kind, 'sleep')
})

finish()
