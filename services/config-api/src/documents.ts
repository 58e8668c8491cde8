import { Type } from '@sinclair/typebox'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyPluginAsync } from 'fastify'
import { problems } from './schemas.ts'

/** The OpenAPI document, and a page to browse it, served from the package itself. */
export const documentRoutes: FastifyPluginAsync<{ indexPrefix: string }> = async (app, { indexPrefix }) => {
  await app.register(swaggerUi, { routePrefix: '/docs', indexPrefix, staticCSP: true, uiConfig: { persistAuthorization: false, tryItOutEnabled: true }, theme: { title: 'ThreatWeaver integrations' } })
  app.get('/docs/openapi', {
    schema: { tags: ['documents'], operationId: 'getOpenApi', summary: 'OpenAPI specification', response: { 200: Type.Record(Type.String(), Type.Unknown()), ...problems } }
  }, async () => app.swagger())
}
