import { Problem } from '@tw/contracts'
import { AuditEntry } from './audit/audit.ts'
import { Delivery, DeliveryDetail } from './deliveries/delivery.ts'
import { RejectedEvent } from './rejected/rejected.ts'
import { Replay, ReplayCount } from './replays/replay.ts'
import { Rotation } from './webhooks/rotation.ts'
import { Sent } from './webhooks/trial.ts'
import { Webhook } from './webhooks/webhook.ts'

/** Answers that routes name by `$ref`: the components of the OpenAPI document. */
export const ANSWERS = [Problem, Webhook, Rotation, Sent, Delivery, DeliveryDetail, Replay, ReplayCount, RejectedEvent, AuditEntry]
