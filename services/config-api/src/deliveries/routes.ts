import { Type } from '@sinclair/typebox'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { toCaller } from '../guard-routes.ts'
import { unwrap } from '../problems.ts'
import { IdParams, problems } from '../schemas.ts'
import type { Deliveries } from './deliveries.ts'
import { DeliveryPage, DeliveryQuery } from './delivery.ts'

const tags = ['deliveries']

/** Routes of the delivery log. */
export const deliveryRoutes: FastifyPluginAsyncTypebox<{ deliveries: Deliveries }> = async (app, { deliveries }) => {
  app.get('/webhooks/deliveries', {
    schema: { tags, operationId: 'listDeliveries', summary: 'List delivery logs, newest first', querystring: DeliveryQuery, response: { 200: DeliveryPage, ...problems } }
  }, async request => unwrap(await deliveries.list(toCaller(request), request.query)))

  app.get('/webhooks/deliveries/:id', {
    schema: { tags, operationId: 'getDelivery', summary: 'One delivery with all its attempts', params: IdParams, response: { 200: Type.Ref('DeliveryDetail'), ...problems } }
  }, async request => unwrap(await deliveries.get(toCaller(request), request.params.id)))

  app.post('/webhooks/deliveries/:id/retry', {
    schema: { tags, operationId: 'retryDelivery', summary: 'Send a delivery again', params: IdParams, response: { 202: Type.Ref('Sent'), ...problems } }
  }, async (request, reply) => reply.code(202).send(unwrap(await deliveries.retry(toCaller(request), request.params.id))))
}
