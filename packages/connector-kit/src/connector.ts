import type { AttemptRequest, AttemptResponse, Delivery } from '@tw/contracts'
import type { Outcome } from '@tw/domain'
import type { Http } from './http.ts'
import type { Manifest } from './manifest.ts'

/** What one attempt came to: the outcome, and what the log keeps of it, secrets masked. */
export type Attempted = {
  outcome: Outcome
  statusCode: number | null
  responseTimeMs: number
  request: AttemptRequest | null
  response: AttemptResponse | null
}

export type DeliverContext = {
  delivery: Delivery
  http: Http
  /** Now, in ms since 1970. */
  nowMs: number
}

/** A connector: its manifest, and how it delivers. `config` is whole here, its secrets unsealed. */
export type Connector<Config> = Manifest & {
  /** Retries after a failed attempt, as this integration wants them. */
  toRetryCount: (config: Config) => number
  /** Makes one attempt. It does not reject; every failure is an Outcome. */
  deliver: (config: Config, context: DeliverContext) => Promise<Attempted>
}
