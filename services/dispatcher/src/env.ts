import { Type, type Static } from '@sinclair/typebox'
import { ServiceEnv } from '@tw/runtime'

/** What the dispatcher reads. */
export const DispatcherEnv = Type.Object({
  ...ServiceEnv.properties,
  DISPATCHER_IN_FLIGHT: Type.Integer({ description: 'Events worked on at once', minimum: 1, maximum: 10_000, default: 512 })
})
export type DispatcherEnv = Static<typeof DispatcherEnv>
