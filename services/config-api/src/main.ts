import { randomUUID } from 'node:crypto'
import { Value } from '@sinclair/typebox/value'
import { ACK, consume, createPublish, createRoom, durables, ensureTopology, openBus, openProjection, toPublication, type Bus } from '@tw/bus'
import { DisableRequest, subjects } from '@tw/contracts'
import { createGuard, toGuardOptions } from '@tw/egress/guard'
import { readEnv, repeat, run, type Scope } from '@tw/runtime'
import { openStore } from '@tw/store'
import { openKeyring } from '@tw/vault'
import { createAccess } from './access.ts'
import { createApp } from './app.ts'
import { ConfigApiEnv, requireTokenKey } from './env.ts'
import { openLicence } from './licence.ts'
import type { Ports } from './ports.ts'
import { createReconcile } from './reconcile.ts'
import { createRotations } from './webhooks/rotation.ts'
import { createDisable } from './webhooks/webhooks.ts'

const RECONCILE_EVERY_MS = 30_000
const SEND_WITHIN_MS = 3_000
const READY_EVERY_MS = 2_000

const openPorts = async (bus: Bus, env: ConfigApiEnv, { logger, onClose }: Scope): Promise<Ports> => {
  const store = await openStore({ databaseUrl: env.DATABASE_URL, connections: 10 })
  onClose('store', store.close)
  const publish = createPublish(bus, { withinMs: SEND_WITHIN_MS })
  return {
    store,
    projection: await openProjection(bus, { replicas: env.NATS_REPLICAS }),
    sendDelivery: delivery => publish(toPublication(delivery)),
    announce: (update, messageId) => publish({ subject: subjects.update(update.tenant, 'integration'), data: JSON.stringify(update), messageId }),
    checkUrl: createGuard(toGuardOptions(env)).checkUrl,
    vault: openKeyring(env.VAULT_KEYS),
    log: logger,
    now: () => new Date(),
    newId: randomUUID
  }
}

const openAccess = async (env: ConfigApiEnv): Promise<ReturnType<typeof createAccess>> => createAccess({
  issuer: env.JWT_ISSUER,
  audience: env.JWT_AUDIENCE,
  algorithm: env.JWT_ALGORITHM,
  sharedKey: env.JWT_SHARED_KEY,
  jwksUrl: env.JWT_JWKS_URL,
  licence: await openLicence({ licence: env.LICENCE, publicKey: env.LICENCE_PUBLIC_KEY }),
  now: () => new Date()
})

const readDisableRequests = (bus: Bus, ports: Ports): ReturnType<typeof consume> => {
  const disable = createDisable(ports)
  return consume(bus, {
    source: { stream: 'DISABLE', durable: durables.configApiDisable, prefetch: 16 },
    enter: createRoom(1).enter,
    read: async message => {
      const request: unknown = JSON.parse(Buffer.from(message.data).toString())
      if (Value.Check(DisableRequest, request)) await disable(request)
      else ports.log.error({ subject: message.subject, sequence: message.sequence }, 'Not a request to disable an integration: left out')
      return ACK
    },
    onTrouble: (error, what) => ports.log.warn({ err: error }, what)
  })
}

await run('config-api', () => requireTokenKey(readEnv(ConfigApiEnv)), async (scope, env) => {
  const bus = await openBus({ url: env.NATS_URL, name: 'config-api', user: env.NATS_USER, password: env.NATS_PASSWORD })
  scope.onClose('bus', bus.close)
  await ensureTopology(bus.jsm, { replicas: env.NATS_REPLICAS, deliveryDeadlineMs: env.DELIVERY_DEADLINE_MS })
  const ports = await openPorts(bus, env, scope)

  const reconcile = createReconcile(ports)
  const { forgetPrevious } = createRotations(ports)
  const reconciling = repeat(async () => { await reconcile(); await forgetPrevious() }, {
    everyMs: RECONCILE_EVERY_MS,
    onTrouble: error => scope.logger.warn({ err: error }, 'The configuration could not be reconciled; it is tried again')
  })
  scope.onClose('reconciler', reconciling.stop)

  const database = { reason: 'Postgres was not asked yet' }
  const asking = repeat(async () => { await ports.store.ready(); database.reason = '' }, {
    everyMs: READY_EVERY_MS,
    onTrouble: error => { database.reason = error instanceof Error ? error.message : String(error) }
  })
  scope.onClose('readiness', asking.stop)
  scope.needs(() => database.reason === '' ? [] : [database.reason])
  scope.needs(() => bus.isConnected() ? [] : ['NATS is not connected'])

  const disabling = readDisableRequests(bus, ports)
  scope.onClose('disable requests', disabling.stop)

  const app = await createApp(ports, await openAccess(env))
  scope.onClose('api', () => app.close())
  const address = await app.listen({ host: env.API_HOST, port: env.API_PORT })
  scope.logger.info({ address }, 'The API listens')
})
