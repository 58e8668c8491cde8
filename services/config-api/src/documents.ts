import swaggerUi from '@fastify/swagger-ui'
import type { FastifyPluginAsync } from 'fastify'

/** The OpenAPI document, and a page to browse it, served from the package itself. */
export const documentRoutes: FastifyPluginAsync = async app => {
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: true, uiConfig: { persistAuthorization: false, tryItOutEnabled: true }, theme: { title: 'ThreatWeaver integrations' } })
  app.get('/docs/openapi', { schema: { hide: true } }, async () => app.swagger())
}
