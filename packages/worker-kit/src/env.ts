import { Type, type Static } from '@sinclair/typebox'
import { GuardEnv } from '@tw/egress/guard'
import { ServiceEnv } from '@tw/runtime'

/** What every worker reads. */
export const WorkerEnv = Type.Composite([ServiceEnv, GuardEnv, Type.Object({
  VAULT_KEYS: Type.String({ description: 'Keys that open sealed secrets, newest first: <id>:<base64 of 32 bytes>, ...', minLength: 1 }),
  WORKER_IN_FLIGHT: Type.Integer({ description: 'Deliveries worked on at once', minimum: 1, maximum: 10_000, default: 256 }),
  LANE_IN_FLIGHT: Type.Integer({ description: 'Of these, at most so many for one integration', minimum: 1, maximum: 1_000, default: 32 }),
  LANE_WAIT_MS: Type.Integer({ description: 'Longest wait of a delivery for its lane; then it is held in a tier', minimum: 0, default: 1_000 }),
  RETRY_DELAY_SCALE: Type.Number({ description: 'Multiplies every delay of the retry schedule: 1 is the specification, less is for tests', exclusiveMinimum: 0, maximum: 1, default: 1 })
})])
export type WorkerEnv = Static<typeof WorkerEnv>
