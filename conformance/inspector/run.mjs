// graphql-inspector: what was released is not broken. `released.graphql` is the schema of the last release.
import { readFile } from 'node:fs/promises'
import { CriticalityLevel, diff } from '@graphql-inspector/core'
import { buildSchema } from 'graphql'

const [, schema] = process.argv.slice(2)

async function breaking(before, after) {
  const changes = await diff(buildSchema(before), buildSchema(after))
  return [changes, changes.filter((change) => change.criticality.level === CriticalityLevel.Breaking)]
}

const released = await readFile('released.graphql', 'utf8')
const [changes, breaks] = await breaking(released, await readFile(schema, 'utf8'))
for (const { message, criticality } of changes) console.log(`${criticality.level}: ${message}`)

// What a client would notice: a field gone, an argument that became required, a type that may be null now.
const ways = [
  [/^type Workflow implements Node \{[^}]*?\n  name: String!/m, (found) => found.replace('  name: String!', '  title_: String!')],
  [/\n    number: Int!/, () => '\n    number: Int!\n    exact: Boolean!'],
  [/\n  lastSeq: Int!/, () => '\n  lastSeq: Int'],
]
let missed = 0
for (const [place, change] of ways) {
  const broken = released.replace(place, change)
  const [, found] = await breaking(released, broken)
  if (broken === released || !found.length) {
    missed += 1
    console.log(`a break is not found: ${place}`)
  }
}

console.log(`${changes.length} changes since the last release, ${breaks.length} breaking`)
process.exitCode = breaks.length || missed ? 1 : 0
