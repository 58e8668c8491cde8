import { readFileSync } from 'node:fs'
import { Validator } from '@seriousme/openapi-schema-validator'
import t from 'tap'
import { DOCUMENT_FILE, toText } from './document.ts'

t.test('what is generated is what stands in proto: after a change run `pnpm generate`', async t => {
  const text = await toText()
  t.equal(await toText(), text, 'the same at each call')
  t.ok(readFileSync(DOCUMENT_FILE, 'utf8') === text, 'proto/openapi.json is fresh')
})

t.test('it is valid OpenAPI 3.1, has every route of the specification, and says by what it is generated', async t => {
  const document: { openapi: string, paths: Record<string, object> } = JSON.parse(readFileSync(DOCUMENT_FILE, 'utf8'))
  const { valid, errors } = await new Validator().validate(structuredClone(document))
  t.ok(valid, JSON.stringify(errors))
  t.notOk((await new Validator().validate({ ...structuredClone(document), paths: { webhooks: 1 } })).valid, 'the validator can refuse')
  t.match(document, { openapi: '3.1.0', 'x-generated': /pnpm generate/ })
  const routes = Object.entries(document.paths).flatMap(([path, operations]) => Object.keys(operations).map(method => `${method.toUpperCase()} ${path}`))
  for (const route of ['GET /webhooks', 'POST /webhooks', 'GET /webhooks/{id}', 'PUT /webhooks/{id}', 'DELETE /webhooks/{id}', 'GET /webhooks/deliveries', 'POST /webhooks/deliveries/{id}/retry', 'GET /docs/openapi']) {
    t.ok(routes.includes(route.replace(' ', ' /api/integrations')), route)
  }
})
