import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { toCaller } from '../guard-routes.ts'
import { unwrap } from '../problems.ts'
import { problems } from '../schemas.ts'
import { RejectedPage, RejectedQuery, type ListRejected } from './rejected.ts'

/** Route of events that were not understood. */
export const rejectedRoutes: FastifyPluginAsyncTypebox<{ listRejected: ListRejected }> = async (app, { listRejected }) => {
  app.get('/rejected', {
    schema: { tags: ['rejected'], operationId: 'listRejected', summary: 'List events that were not understood, newest first', querystring: RejectedQuery, response: { 200: RejectedPage, ...problems } }
  }, async request => unwrap(await listRejected(toCaller(request), request.query)))
}
