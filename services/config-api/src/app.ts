import swagger from '@fastify/swagger'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { fastify, type FastifyInstance } from 'fastify'
import type { Access } from './access.ts'
import { ANSWERS } from './answers.ts'
import { createListAudit } from './audit/audit.ts'
import { auditRoutes } from './audit/routes.ts'
import { createDeliveries } from './deliveries/deliveries.ts'
import { deliveryRoutes } from './deliveries/routes.ts'
import { documentRoutes } from './documents.ts'
import { createErrorReply, replyNoRoute, setErrorReplies } from './error-replies.ts'
import { createDoor, declareCaller } from './guard-routes.ts'
import { openapi } from './openapi.ts'
import type { Ports } from './ports.ts'
import { createListRejected } from './rejected/rejected.ts'
import { rejectedRoutes } from './rejected/routes.ts'
import { createReplays } from './replays/replays.ts'
import { replayRoutes } from './replays/routes.ts'
import { compileValidator } from './validation.ts'
import { createRotations } from './webhooks/rotation.ts'
import { webhookActionRoutes, webhookRoutes } from './webhooks/routes.ts'
import { createTrial } from './webhooks/trial.ts'
import { createWebhooks } from './webhooks/webhooks.ts'

const PREFIX = '/api/integrations'
const BODY_BYTES_MAX = 64 * 1_024

const openServer = (log: Ports['log']): FastifyInstance => {
  const errorReply = createErrorReply(log)
  return fastify({
    bodyLimit: BODY_BYTES_MAX,
    routerOptions: { maxParamLength: 512 },
    requestTimeout: 30_000,
    frameworkErrors: (error, request, reply) => { errorReply(error, request, reply) }
  })
}

// A client that always names JSON may leave the body of a POST without one empty.
const acceptEmptyJson = (app: FastifyInstance): void => {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, next) => {
    if (body === '') next(null, undefined)
    else parse(request, body.toString(), next)
  })
}

/** The whole API: what stands here is what there is. */
export const createApp = async (ports: Ports, access: Access): Promise<FastifyInstance> => {
  const app = openServer(ports.log).withTypeProvider<TypeBoxTypeProvider>()
  app.setValidatorCompiler(compileValidator)
  setErrorReplies(app, ports.log)
  declareCaller(app)
  acceptEmptyJson(app)
  for (const schema of ANSWERS) app.addSchema(schema)
  const door = createDoor(access)
  app.setNotFoundHandler({ preHandler: door }, replyNoRoute)

  await app.register(swagger, openapi)
  await app.register(async api => {
    api.addHook('onRequest', door)
    const webhooks = createWebhooks(ports)
    await api.register(webhookRoutes, { webhooks })
    await api.register(webhookActionRoutes, { webhooks, rotations: createRotations(ports), sendTrial: createTrial(ports) })
    await api.register(deliveryRoutes, { deliveries: createDeliveries(ports) })
    await api.register(replayRoutes, { replays: createReplays(ports) })
    await api.register(rejectedRoutes, { listRejected: createListRejected(ports) })
    await api.register(auditRoutes, { listAudit: createListAudit(ports) })
  }, { prefix: PREFIX })
  await app.register(async documents => {
    documents.addHook('onRequest', createDoor(access, { basic: true }))
    await documents.register(documentRoutes, { indexPrefix: PREFIX })
  }, { prefix: PREFIX })
  await app.ready()
  return app
}
