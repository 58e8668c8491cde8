import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { toCaller } from '../guard-routes.ts'
import { unwrap } from '../problems.ts'
import { problems } from '../schemas.ts'
import { AuditPage, AuditQuery, type ListAudit } from './audit.ts'

/** Route of the audit trail. */
export const auditRoutes: FastifyPluginAsyncTypebox<{ listAudit: ListAudit }> = async (app, { listAudit }) => {
  app.get('/audit', {
    schema: { tags: ['audit'], operationId: 'listAudit', summary: 'List changes of the configuration, newest first', querystring: AuditQuery, response: { 200: AuditPage, ...problems } }
  }, async request => unwrap(await listAudit(toCaller(request), request.query)))
}
