import { Type, type Static } from '@sinclair/typebox'
import { ServiceEnv } from '@tw/runtime'

/** What the recorder reads. */
export const RecorderEnv = Type.Object({
  ...ServiceEnv.properties,
  DATABASE_URL: Type.String({ description: 'postgresql://user:password@host:port/database', minLength: 1 }),
  RECORDER_BATCH: Type.Integer({ description: 'Messages written in one statement', minimum: 1, maximum: 5_000, default: 500 })
})
export type RecorderEnv = Static<typeof RecorderEnv>
