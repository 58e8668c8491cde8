import { Type } from '@sinclair/typebox'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { toCaller } from '../guard-routes.ts'
import { unwrap } from '../problems.ts'
import { IdParams, problems } from '../schemas.ts'
import { ReplayPage, ReplayQuery, ReplayRequest } from './replay.ts'
import type { Replays } from './replays.ts'

const tags = ['replays']
const ReplayRef = Type.Ref('Replay')

/** Routes of replays. */
export const replayRoutes: FastifyPluginAsyncTypebox<{ replays: Replays }> = async (app, { replays }) => {
  app.post('/webhooks/:id/replays', {
    schema: {
      tags,
      operationId: 'createReplay',
      summary: 'Deliver the events of a time range again',
      description: 'Events that came while the webhook was disabled are among them. With `dryRun` it only counts.',
      params: IdParams,
      body: ReplayRequest,
      response: { 200: Type.Ref('ReplayCount'), 202: ReplayRef, ...problems }
    }
  }, async (request, reply) => {
    const { params: { id }, body } = request
    if (body.dryRun === true) return reply.code(200).send(unwrap(await replays.count(toCaller(request), id, body)))
    return reply.code(202).send(unwrap(await replays.create(toCaller(request), id, body)))
  })

  app.get('/webhooks/replays', {
    schema: { tags, operationId: 'listReplays', summary: 'List replays, newest first', querystring: ReplayQuery, response: { 200: ReplayPage, ...problems } }
  }, async request => unwrap(await replays.list(toCaller(request), request.query)))

  app.get('/webhooks/replays/:id', {
    schema: { tags, operationId: 'getReplay', summary: 'How far a replay is', params: IdParams, response: { 200: ReplayRef, ...problems } }
  }, async request => unwrap(await replays.get(toCaller(request), request.params.id)))

  app.post('/webhooks/replays/:id/cancel', {
    schema: { tags, operationId: 'cancelReplay', summary: 'Cancel a replay', params: IdParams, response: { 200: ReplayRef, ...problems } }
  }, async request => unwrap(await replays.cancel(toCaller(request), request.params.id)))
}
