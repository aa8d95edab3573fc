// graphql-schema-linter on the schema.
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'

const [, schema] = process.argv.slice(2)

// Off are the alphabetical orders (enum values, and fields of types, inputs and interfaces): the order is what people read, the
// life of an execution from QUEUED on and an id before everything else.
const rules = [
  'arguments-have-descriptions',
  'defined-types-are-used',
  'deprecations-have-a-reason',
  'descriptions-are-capitalized',
  'enum-values-all-caps',
  'enum-values-have-descriptions',
  'fields-are-camel-cased',
  'fields-have-descriptions',
  'input-object-values-are-camel-cased',
  'input-object-values-have-descriptions',
  'relay-connection-arguments-spec',
  'relay-connection-types-spec',
  'relay-page-info-spec',
  'types-are-capitalized',
  'types-have-descriptions',
]

async function lint(file) {
  const linter = ['node_modules/graphql-schema-linter/lib/cli.js', '--format', 'json', '--rules', rules.join(','), file]
  try {
    await promisify(execFile)(process.execPath, linter)
    return []
  } catch ({ stdout, stderr }) {
    if (!stdout) throw new Error(stderr) // it could not read the schema, or its options
    return JSON.parse(stdout).errors
  }
}

const found = await lint(schema)
for (const { location, rule, message } of found) console.log(`schema.graphql:${location.line}: ${rule}: ${message}`)

await writeFile('broken.graphql', `${await readFile(schema, 'utf8')}\ntype Loose { Field_one: Int """small""" two: Int }\n`)
const broken = await lint('broken.graphql')
const expected = ['defined-types-are-used', 'descriptions-are-capitalized', 'fields-are-camel-cased', 'types-have-descriptions']
const missed = expected.filter((each) => !broken.some(({ rule }) => rule === each))
if (missed.length) console.log(`a broken schema passes: ${missed.join(', ')}`)

console.log(`${rules.length} rules, ${found.length} findings`)
process.exitCode = found.length || missed.length ? 1 : 0
