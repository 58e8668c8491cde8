// Owns what a connector is: its manifest, its definition, the ports it may use.
// Never does I/O itself.
export type { Http, HttpAnswer, HttpFailure, HttpFailureReason, HttpLimits, HttpRequest } from './http.ts'
export { secret, toSecretFields } from './secret.ts'
export type { Manifest } from './manifest.ts'
export type { Attempted, Connector, DeliverContext } from './connector.ts'
