import t from 'tap'
import { SignJWT, exportSPKI, generateKeyPair, UnsecuredJWT } from 'jose'
import type { FastifyInstance } from 'fastify'
import { createAccess } from './access.ts'
import { listRoutes, openSubject, toLicence, type Answer } from './app-under-test.ts'
import { openLicence } from './licence.ts'

const ID = '6f1f7a52-7d1c-4c1e-9d8e-0c6b7f7c2f10'
const subject = await openSubject()
t.teardown(subject.close)
const routes = listRoutes(subject.app, ID)
const { token } = subject

const ask = async (app: FastifyInstance, { method, url }: { method: string, url: string }, authorization: string | undefined): Promise<Pick<Answer, 'status' | 'text' | 'headers'>> => {
  const { statusCode, body, headers } = await app.inject({ method: method as 'GET', url, headers: authorization === undefined ? {} : { authorization } })
  return { status: statusCode, text: body, headers }
}

const valid = token()
const other = await generateKeyPair('EdDSA')
const FAILURES: Record<string, { authorization?: string, licence?: Parameters<typeof subject.licensed>[0] | null, status: number, code: string }> = {
  'no token': { status: 401, code: 'TW_TOKEN_MISSING' },
  'another scheme': { authorization: 'Digest x', status: 401, code: 'TW_TOKEN_MISSING' },
  'no token at all behind Bearer': { authorization: 'Bearer ', status: 401, code: 'TW_TOKEN_MISSING' },
  nonsense: { authorization: 'Bearer abc', status: 401, code: 'TW_TOKEN_INVALID' },
  'a changed token': { authorization: `Bearer ${valid.slice(0, -4)}AAAA`, status: 401, code: 'TW_TOKEN_INVALID' },
  'another key': { authorization: `Bearer ${token({ sharedKey: 'another shared key, which is also long enough' })}`, status: 401, code: 'TW_TOKEN_INVALID' },
  'another issuer': { authorization: `Bearer ${token({ issuer: 'https://elsewhere.example.com' })}`, status: 401, code: 'TW_TOKEN_INVALID' },
  'another audience': { authorization: `Bearer ${token({ audience: 'elsewhere' })}`, status: 401, code: 'TW_TOKEN_INVALID' },
  'no tenant': { authorization: `Bearer ${token({ tenant: '' })}`, status: 401, code: 'TW_TOKEN_INVALID' },
  'a tenant that is a wildcard': { authorization: `Bearer ${token({ tenant: 'a.>' })}`, status: 401, code: 'TW_TOKEN_INVALID' },
  nobody: { authorization: `Bearer ${token({ actor: '' })}`, status: 401, code: 'TW_TOKEN_INVALID' },
  'the algorithm none': {
    authorization: `Bearer ${new UnsecuredJWT({ tenant: 'default', permissions: ['MANAGE_SETTINGS'], sub: 'x' }).setIssuer('https://login.example.com').setAudience('threatweaver').setExpirationTime('1h').encode()}`,
    status: 401,
    code: 'TW_TOKEN_INVALID'
  },
  'another algorithm': {
    authorization: `Bearer ${await new SignJWT({ tenant: 'default', permissions: ['MANAGE_SETTINGS'] }).setProtectedHeader({ alg: 'EdDSA' }).setSubject('x').setExpirationTime('1h').sign(other.privateKey)}`,
    status: 401,
    code: 'TW_TOKEN_INVALID'
  },
  'an expired token': { authorization: `Bearer ${token({ expiresInS: -60 })}`, status: 401, code: 'TW_TOKEN_EXPIRED' },
  'no permission': { authorization: `Bearer ${token({ permissions: [] })}`, status: 403, code: 'TW_PERMISSION_MISSING' },
  'another permission': { authorization: `Bearer ${token({ permissions: ['MANAGE_SETTINGS_NOT', 'READ'] })}`, status: 403, code: 'TW_PERMISSION_MISSING' },
  'no licence': { authorization: `Bearer ${valid}`, licence: null, status: 403, code: 'TW_LICENCE_MISSING' },
  'a licence for something else': { authorization: `Bearer ${valid}`, licence: { modules: ['scanner'], expiresInS: 60 }, status: 403, code: 'TW_LICENCE_MISSING' },
  'a licence for another tenant': { authorization: `Bearer ${valid}`, licence: { tenants: ['acme'], expiresInS: 60 }, status: 403, code: 'TW_LICENCE_MISSING' },
  'an expired licence': { authorization: `Bearer ${valid}`, licence: { expiresInS: -1 }, status: 403, code: 'TW_LICENCE_EXPIRED' }
}

t.test('the table of routes is the whole API', async t => {
  const { paths = {} } = subject.app.swagger()
  const documented = Object.entries(paths).flatMap(([path, operations]) => Object.keys(operations ?? {}).map(method => `${method.toUpperCase()} ${path.replace('{id}', ID)}`))
  t.ok(documented.length > 15)
  for (const operation of documented) t.ok(routes.some(({ method, url }) => `${method} ${url}` === operation), operation)
  for (const path of ['docs', 'docs/json', 'docs/static/index.html']) t.ok(routes.some(({ url }) => url === `/api/integrations/${path}`), path)
})

for (const [what, { authorization, licence, status, code }] of Object.entries(FAILURES)) {
  t.test(`every route refuses ${what}`, async t => {
    const app = licence === undefined ? subject.app : await subject.licensed(licence ?? undefined)
    for (const route of [...routes, { method: 'GET', url: '/api/integrations/nowhere' }]) {
      const answer = await ask(app, route, authorization)
      const shown = route.method === 'HEAD' ? { status: answer.status } : { status: answer.status, code: JSON.parse(answer.text).code }
      t.strictSame(shown, route.method === 'HEAD' ? { status } : { status, code }, `${route.method} ${route.url}`)
      t.equal(/^Bearer/.test(String(answer.headers['www-authenticate'])), status === 401)
    }
  })
}

t.test('every route lets a valid token in', async t => {
  for (const route of routes) {
    const { status } = await ask(subject.app, route, `Bearer ${valid}`)
    t.notOk([401, 403].includes(status) || status >= 500, `${route.method} ${route.url} ${status}`)
  }
})

t.test('a browser may bring the token to the document as a password, and nowhere else', async t => {
  const basic = `Basic ${Buffer.from(`anyone:${valid}`).toString('base64')}`
  t.equal((await ask(subject.app, { method: 'GET', url: '/api/integrations/docs/openapi' }, basic)).status, 200)
  t.equal((await ask(subject.app, { method: 'GET', url: '/api/integrations/webhooks' }, basic)).status, 401)
  t.match((await ask(subject.app, { method: 'GET', url: '/api/integrations/docs' }, undefined)).headers['www-authenticate'], [/^Bearer/, /^Basic/])
})

t.test('a licence signed by someone else, or unreadable, is none', async t => {
  const { licence } = toLicence({ expiresInS: 60 })
  const stranger = await exportSPKI((await generateKeyPair('EdDSA')).publicKey)
  for (const bad of [{ licence, publicKey: stranger }, { licence: 'x', publicKey: stranger }, { licence, publicKey: 'x' }]) {
    t.match((await openLicence(bad))('default', new Date()), { code: 'TW_LICENCE_INVALID' })
  }
})

t.test('keys of an identity provider that cannot be fetched are its trouble, not the token\'s', async t => {
  const access = createAccess({ issuer: 'i', audience: 'a', algorithm: 'EdDSA', jwksUrl: 'http://127.0.0.1:1/jwks', licence: () => undefined, now: () => new Date() })
  const { privateKey } = await generateKeyPair('EdDSA')
  const signed = await new SignJWT({ tenant: 'default' }).setProtectedHeader({ alg: 'EdDSA', kid: '1' }).setSubject('x').setIssuer('i').setAudience('a').setExpirationTime('1h').sign(privateKey)
  t.match(await access(signed), { code: 'TW_UNAVAILABLE' })
})
