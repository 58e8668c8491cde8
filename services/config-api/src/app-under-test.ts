// The API as tests run it: a real Postgres, a real keyring, real tokens; what travels by NATS is written down. Every answer is checked
// against the API's own OpenAPI document on its way back.
import { randomBytes, randomUUID } from 'node:crypto'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { Delivery, Integration, IntegrationUpdate } from '@tw/contracts'
import { ensurePartitions, openStore, type Store } from '@tw/store'
import { migrate } from '@tw/store/migrate'
import { createKeys, createLicence, createToken, openPostgres, type Postgres } from '@tw/testkit'
import { openKeyring } from '@tw/vault'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { createAccess } from './access.ts'
import { createApp } from './app.ts'
import { openLicence } from './licence.ts'
import type { Ports } from './ports.ts'

const JWT = { issuer: 'https://login.example.com', audience: 'threatweaver', sharedKey: 'a shared key of at least thirty-two characters' }
export const PREFIX = '/api/integrations'

export type TokenOptions = { tenant: string, actor: string, permissions: string[], issuer: string, audience: string, sharedKey: string, expiresInS: number }
export type LicenceClaims = { modules?: string[], tenants?: string[], expiresInS: number }

const toExpiry = (expiresInS: number): number => Math.floor(Date.now() / 1_000) + expiresInS

const toToken = ({ tenant, actor, permissions, issuer, audience, sharedKey, expiresInS }: TokenOptions): string =>
  createToken({ tokenKey: sharedKey }, { tenant, sub: actor, permissions, iss: issuer, aud: audience, exp: toExpiry(expiresInS) })

/** A licence and the PEM of the key it is signed with, made new each time. */
export const toLicence = ({ expiresInS, ...claims }: LicenceClaims): { licence: string, publicKey: string } => {
  const keys = createKeys()
  return { licence: createLicence(keys, { ...claims, exp: toExpiry(expiresInS) }), publicKey: keys.licencePublicKey }
}

export type Answer = { status: number, headers: Record<string, unknown>, text: string, body: Record<string, unknown> }
export type Ask = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object | string) => Promise<Answer>

/** The world beside Postgres: what was projected and sent; `away` makes NATS fail. */
export type World = { projected: Map<string, Integration>, sent: Delivery[], told: IntegrationUpdate[], away: boolean, now: Date | undefined }

export type Subject = {
  app: FastifyInstance
  store: Store
  postgres: Postgres
  world: World
  ports: Ports
  /** Asks as an administrator of a tenant. */
  as: (tenant: string) => Promise<Ask>
  token: (changes?: Partial<TokenOptions>) => string
  inject: (options: InjectOptions) => Promise<Answer>
  /** The same API under another licence. */
  licensed: (claims: LicenceClaims | undefined) => Promise<FastifyInstance>
  close: () => Promise<void>
}

const REFUSED_URL = /localhost|127\.|169\.254/

const createWorld = (): { world: World, doubles: Pick<Ports, 'projection' | 'sendDelivery' | 'announce' | 'checkUrl'> } => {
  const world: World = { projected: new Map(), sent: [], told: [], away: false, now: undefined }
  const beThere = (): void => { if (world.away) throw new Error('NATS is away') }
  return {
    world,
    doubles: {
      projection: {
        put: async integration => { beThere(); world.projected.set(integration.id, integration) },
        remove: async ({ id }) => { beThere(); world.projected.delete(id) },
        list: async () => { beThere(); return [...world.projected.values()] }
      },
      announce: async update => { beThere(); world.told.push(update) },
      sendDelivery: async delivery => { beThere(); world.sent.push(delivery) },
      checkUrl: async url => {
        if (!URL.canParse(url)) return { kind: 'refused', code: 'not_a_url', detail: 'The URL cannot be read' }
        return REFUSED_URL.test(url) ? { kind: 'refused', code: 'forbidden_address', detail: 'The address is not a public one' } : { kind: 'allowed', url: new URL(url).href }
      }
    }
  }
}

const escapePointer = (part: string): string => part.replaceAll('~', '~0').replaceAll('/', '~1')

type Document = { paths: Record<string, Record<string, Operation>> }

type Operation = { responses: Record<string, { content?: Record<string, unknown> }> }
type Documented = { pointer: string, operation: Operation }

// Finds the operation of a request; undefined for a path the document does not tell of, such as the page's own files.
const createFind = ({ paths }: Document): (method: string, url: string) => Documented | undefined => {
  const known = Object.keys(paths)
    .sort((one, other) => one.split('{').length - other.split('{').length)
    .map(path => ({ path, pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`) }))
  return (method, url) => {
    const path = known.find(({ pattern }) => pattern.test(url.split('?')[0] ?? ''))?.path ?? ''
    const operation = paths[path]?.[method.toLowerCase()]
    return operation === undefined ? undefined : { pointer: `document#/paths/${escapePointer(path)}/${method.toLowerCase()}`, operation }
  }
}

const findStatus = ({ responses }: Operation, status: number): string => {
  const key = [String(status), `${String(status).charAt(0)}XX`].find(known => responses[known] !== undefined)
  if (key === undefined) throw new Error(`The answer ${status} is not documented`)
  return key
}

// Throws when an answer is not what the document says.
const createConformance = (document: Document): (method: string, url: string, answer: Answer) => void => {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  addFormats.default(ajv)
  ajv.addSchema(document, 'document')
  const find = createFind(document)
  return (method, url, answer) => {
    const documented = find(method, url)
    if (documented === undefined) return
    const status = findStatus(documented.operation, answer.status)
    const [type = ''] = String(answer.headers['content-type'] ?? '').split(';')
    if (documented.operation.responses[status]?.content === undefined) return
    const check = ajv.compile({ $ref: `${documented.pointer}/responses/${status}/content/${escapePointer(type)}/schema` })
    if (!check(answer.body)) throw new Error(`${method} ${url} ${answer.status} is not as documented: ${ajv.errorsText(check.errors)} in ${answer.text}`)
  }
}

const toAnswer = async (app: FastifyInstance, options: InjectOptions): Promise<Answer> => {
  const { statusCode, headers, body } = await app.inject(options)
  const isJson = /json/.test(String(headers['content-type'] ?? ''))
  return { status: statusCode, headers, text: body, body: isJson ? JSON.parse(body) : {} }
}

export const openSubject = async (): Promise<Subject> => {
  const postgres = await openPostgres()
  await migrate(postgres.url)
  const store = await openStore({ databaseUrl: postgres.url })
  await ensurePartitions(store, { daysAhead: 1 })
  const { world, doubles } = createWorld()
  const vault = openKeyring(`k1:${randomBytes(32).toString('base64')}`)
  const log = { warn: () => undefined, error: (fields: object) => { console.error(fields) } }
  const ports: Ports = { store, ...doubles, vault, log, now: () => world.now ?? new Date(), newId: randomUUID }

  const apps: FastifyInstance[] = []
  const licensed = async (claims: LicenceClaims | undefined): Promise<FastifyInstance> => {
    const licence = await openLicence(claims === undefined ? {} : toLicence(claims))
    const app = await createApp(ports, createAccess({ ...JWT, algorithm: 'HS256', licence, now: () => new Date() }))
    apps.push(app)
    return app
  }
  const app = await licensed({ expiresInS: 3_600 })
  const conform = createConformance(JSON.parse(JSON.stringify(app.swagger())))
  const token = (changes: Partial<TokenOptions> = {}): string =>
    toToken({ ...JWT, tenant: 'default', actor: 'admin@example.com', permissions: ['MANAGE_SETTINGS'], expiresInS: 600, ...changes })
  const inject = async (options: InjectOptions): Promise<Answer> => {
    const answer = await toAnswer(app, options)
    conform(String(options.method ?? 'GET'), String(options.url), answer)
    return answer
  }
  const as = async (tenant: string): Promise<Ask> => {
    const authorization = `Bearer ${token({ tenant })}`
    return (method, path, body) => inject({ method, url: `${PREFIX}${path}`, headers: { authorization }, ...(body === undefined ? {} : { payload: body }) })
  }
  const close = async (): Promise<void> => {
    for (const each of apps) await each.close()
    await store.close()
    await postgres.close()
  }
  return { app, store, postgres, world, ports, as, token, inject, licensed, close }
}

/** Every method and path the API has, as its router knows them; `:id` filled in. */
export const listRoutes = (app: FastifyInstance, id: string): { method: string, url: string }[] => {
  const stack: string[] = []
  return app.printRoutes({ commonPrefix: false }).split('\n').flatMap(line => {
    const [, indent, segment, methods] = /^([│ ]*)[├└]── (\S+) \(([A-Z, ]+)\)$/.exec(line) ?? []
    if (indent === undefined || segment === undefined || methods === undefined) return []
    stack.splice(indent.length / 4)
    stack.push(segment)
    const url = stack.join('').replace(/:id/g, id).replace('*', 'index.css')
    return methods.split(', ').map(method => ({ method, url }))
  })
}
