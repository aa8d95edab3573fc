// graphql-eslint on the schema: its recommended rules and those of Relay.
import { readFile } from 'node:fs/promises'
import graphql from '@graphql-eslint/eslint-plugin'
import { ESLint } from 'eslint'

const [, schema] = process.argv.slice(2)

const rules = {
  ...graphql.configs['flat/schema-recommended'].rules,
  ...graphql.configs['flat/schema-relay'].rules,
  // Recommended are descriptions of types and root fields alone.
  '@graphql-eslint/require-description': [
    'error',
    { types: true, FieldDefinition: true, InputValueDefinition: true, EnumValueDefinition: true, DirectiveDefinition: true },
  ],
  // Pages, payloads, events and values have no identity of their own; what has one is a Node, or says that its id is opaque.
  '@graphql-eslint/strict-id-in-types': 'off',
  // Paging is forward only: one direction must be complete.
  '@graphql-eslint/relay-arguments': ['error', { includeBoth: false }],
  // The contract decides: a connection has `nodes` too; plain lists are bounded by what they belong to, such as the steps of a
  // version; items of a batch and waiting steps have no id, and stand for things that have one.
  '@graphql-eslint/relay-edge-types': ['error', { shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false }],
}

async function lint(text) {
  const eslint = new ESLint({
    overrideConfigFile: true,
    overrideConfig: {
      files: ['**/*.graphql'],
      languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema: text } } },
      plugins: { '@graphql-eslint': graphql },
      rules,
    },
  })
  const [{ messages }] = await eslint.lintText(text, { filePath: 'schema.graphql' })
  return messages
}

const text = await readFile(schema, 'utf8')
const found = await lint(text)
for (const { line, ruleId, message } of found) console.log(`schema.graphql:${line}: ${ruleId}: ${message}`)

const broken = await lint(`${text}\n"""Not an edge."""\ntype LooseConnection { Field_one: [Int] }\n`)
const missed = ['naming-convention', 'require-description', 'relay-connection-types', 'no-unreachable-types'].filter(
  (rule) => !broken.some(({ ruleId }) => ruleId === `@graphql-eslint/${rule}`),
)
if (missed.length) console.log(`a broken schema passes: ${missed.join(', ')}`)

const active = Object.values(rules).filter((level) => level !== 'off').length
console.log(`${active} rules, ${found.length} findings`)
process.exitCode = found.length || missed.length ? 1 : 0
