import { consume, createPublish, createRoom, durables, ensureTopology, openBus, openIntegrationsView } from '@tw/bus'
import { createRouting } from '@tw/domain'
import { readEnv, run } from '@tw/runtime'
import { createDispatch } from './dispatch.ts'
import { DispatcherEnv } from './env.ts'

await run('dispatcher', () => readEnv(DispatcherEnv), async ({ logger, metrics, needs, onClose }, env) => {
  const bus = await openBus({ url: env.NATS_URL, name: 'dispatcher', user: env.NATS_USER, password: env.NATS_PASSWORD })
  onClose('bus', bus.close)
  await ensureTopology(bus.jsm, { replicas: env.NATS_REPLICAS, deliveryDeadlineMs: env.DELIVERY_DEADLINE_MS })

  const onTrouble = (error: unknown, what: string): void => logger.warn({ err: error }, what)
  const routing = createRouting()
  // All of the configuration is known before the first event is dispatched.
  const view = await openIntegrationsView(bus, { replicas: env.NATS_REPLICAS, onChange: routing, onTrouble })
  onClose('integrations view', view.close)

  const dispatch = createDispatch({ routing, publish: createPublish(bus), logger, metrics })
  const reading = consume(bus, {
    source: { stream: 'EVENTS', durable: durables.dispatcher, prefetch: 2 * env.DISPATCHER_IN_FLIGHT },
    enter: createRoom(env.DISPATCHER_IN_FLIGHT).enter,
    read: dispatch,
    onTrouble
  })
  onClose('reading', reading.stop)
  needs(() => bus.isConnected() ? [] : ['NATS is not connected'])
  needs(() => reading.isReading() ? [] : ['EVENTS is not being read'])
})
