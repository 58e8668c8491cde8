import { Type, type Static } from '@sinclair/typebox'

/** Every connector, in the order administrators see them. Adding one here makes the compiler ask for its manifest. */
export const CONNECTOR_IDS = ['webhook'] as const

export const ConnectorId = Type.Union(CONNECTOR_IDS.map(id => Type.Literal(id)), { $id: 'ConnectorId' })
export type ConnectorId = typeof CONNECTOR_IDS[number]

/** A tenant is one token of a NATS subject, so it can be granted to a NATS user by itself. */
export const Tenant = Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$', description: 'Tenant id: 1 to 64 of A-Z a-z 0-9 _ -' })
export type Tenant = Static<typeof Tenant>
