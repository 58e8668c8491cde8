import { Type } from '@sinclair/typebox'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { toCaller } from '../guard-routes.ts'
import { unwrap } from '../problems.ts'
import { IdParams, PageQuery, problems } from '../schemas.ts'
import { RotationRequest, type Rotations } from './rotation.ts'
import { TrialRequest, type SendTrial } from './trial.ts'
import { NewWebhook, WebhookChange, WebhookPage } from './webhook.ts'
import type { Webhooks } from './webhooks.ts'

const tags = ['webhooks']
const WebhookRef = Type.Ref('Webhook')

export type WebhookUseCases = { webhooks: Webhooks, rotations: Rotations, sendTrial: SendTrial }

/** Routes of the webhooks themselves. */
export const webhookRoutes: FastifyPluginAsyncTypebox<Pick<WebhookUseCases, 'webhooks'>> = async (app, { webhooks }) => {
  app.get('/webhooks', {
    schema: { tags, operationId: 'listWebhooks', summary: 'List all webhooks with available events', querystring: PageQuery({}), response: { 200: WebhookPage, ...problems } }
  }, async request => unwrap(await webhooks.list(toCaller(request), request.query)))

  app.post('/webhooks', {
    schema: { tags, operationId: 'createWebhook', summary: 'Create a new webhook subscription', body: NewWebhook, response: { 201: WebhookRef, ...problems } }
  }, async (request, reply) => {
    const webhook = unwrap(await webhooks.create(toCaller(request), request.body))
    return reply.code(201).header('location', `/api/integrations/webhooks/${webhook.id}`).send(webhook)
  })

  app.get('/webhooks/:id', {
    schema: { tags, operationId: 'getWebhook', summary: 'Get webhook details', params: IdParams, response: { 200: WebhookRef, ...problems } }
  }, async request => unwrap(await webhooks.get(toCaller(request), request.params.id)))

  app.put('/webhooks/:id', {
    schema: {
      tags,
      operationId: 'updateWebhook',
      summary: 'Update webhook configuration',
      description: 'A field that is absent keeps its value. `headers` are replaced as a whole; a secret value sent as ******** is kept. `secret: null` removes the secret.',
      params: IdParams,
      body: WebhookChange,
      response: { 200: WebhookRef, ...problems }
    }
  }, async request => unwrap(await webhooks.update(toCaller(request), request.params.id, request.body)))

  app.delete('/webhooks/:id', {
    schema: { tags, operationId: 'deleteWebhook', summary: 'Delete a webhook', params: IdParams, response: { 204: Type.Null({ description: 'Deleted' }), ...problems } }
  }, async (request, reply) => {
    unwrap(await webhooks.remove(toCaller(request), request.params.id))
    return reply.code(204).send(null)
  })
}

/** Routes of what is done with a webhook. */
export const webhookActionRoutes: FastifyPluginAsyncTypebox<WebhookUseCases> = async (app, { webhooks, rotations, sendTrial }) => {
  app.post('/webhooks/:id/enable', {
    schema: { tags, operationId: 'enableWebhook', summary: 'Enable a webhook', params: IdParams, response: { 200: WebhookRef, ...problems } }
  }, async request => unwrap(await webhooks.setEnabled(toCaller(request), request.params.id, true)))

  app.post('/webhooks/:id/disable', {
    schema: { tags, operationId: 'disableWebhook', summary: 'Disable a webhook: deliveries that wait are cancelled', params: IdParams, response: { 200: WebhookRef, ...problems } }
  }, async request => unwrap(await webhooks.setEnabled(toCaller(request), request.params.id, false)))

  app.post('/webhooks/:id/test', {
    schema: { tags, operationId: 'testWebhook', summary: 'Send a sample event, marked as a test', params: IdParams, body: TrialRequest, response: { 202: Type.Ref('Sent'), ...problems } }
  }, async (request, reply) => reply.code(202).send(unwrap(await sendTrial(toCaller(request), request.params.id, request.body.eventType))))

  app.post('/webhooks/:id/rotate-secret', {
    schema: {
      tags,
      operationId: 'rotateSecret',
      summary: 'Rotate the secret: for 24 hours deliveries carry both signatures',
      params: IdParams,
      body: Type.Union([RotationRequest, Type.Null()]),
      response: { 200: Type.Ref('Rotation'), ...problems }
    }
  }, async request => unwrap(await rotations.rotate(toCaller(request), request.params.id, request.body ?? {})))
}
