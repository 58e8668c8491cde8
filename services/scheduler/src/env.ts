import { Type, type Static } from '@sinclair/typebox'
import { ServiceEnv } from '@tw/runtime'

/** What the scheduler reads. */
export const SchedulerEnv = Type.Object({
  ...ServiceEnv.properties,
  DATABASE_URL: Type.String({ description: 'postgresql://user:password@host:port/database', minLength: 1 }),
  RETENTION_DAYS: Type.Integer({ description: 'Days the log is kept', minimum: 2, default: 30 }),
  DISABLE_AFTER_DAYS: Type.Integer({ description: 'Days of nothing but failures after which an integration is disabled', minimum: 1, default: 5 })
})
export type SchedulerEnv = Static<typeof SchedulerEnv>
