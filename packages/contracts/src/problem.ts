import { Type, type Static } from '@sinclair/typebox'

/** Every problem the API answers with: stable code -> HTTP status and title (RFC 9457). Codes never change their meaning. */
export const PROBLEMS = {
  TW_TOKEN_MISSING: [401, 'No bearer token'],
  TW_TOKEN_INVALID: [401, 'The bearer token is not valid'],
  TW_TOKEN_EXPIRED: [401, 'The bearer token has expired'],
  TW_PERMISSION_MISSING: [403, 'The permission MANAGE_SETTINGS is missing'],
  TW_LICENCE_MISSING: [403, 'The licence does not include the module connectors'],
  TW_LICENCE_INVALID: [403, 'The licence is not valid'],
  TW_LICENCE_EXPIRED: [403, 'The licence has expired'],
  TW_INVALID_REQUEST: [400, 'The request is not valid'],
  TW_INVALID_CURSOR: [400, 'The cursor is not valid'],
  TW_URL_REFUSED: [422, 'The URL is refused'],
  TW_BODY_TOO_LARGE: [413, 'The body is too large'],
  TW_MEDIA_TYPE: [415, 'The content type is not supported'],
  TW_WEBHOOK_NOT_FOUND: [404, 'No such webhook'],
  TW_DELIVERY_NOT_FOUND: [404, 'No such delivery'],
  TW_REPLAY_NOT_FOUND: [404, 'No such replay'],
  TW_ROUTE_NOT_FOUND: [404, 'No such route'],
  TW_EVENT_EXPIRED: [409, 'The event is no longer kept'],
  TW_CONFLICT: [409, 'The request does not fit the present state'],
  TW_UNAVAILABLE: [503, 'A part the request needs is not reachable'],
  TW_INTERNAL: [500, 'Unexpected error']
} as const satisfies Record<string, readonly [number, string]>

export type ProblemCode = keyof typeof PROBLEMS

/** RFC 9457 problem document; `errors` names each bad field by JSON pointer. */
export const Problem = Type.Object({
  type: Type.String({ description: 'URI of the kind of problem' }),
  title: Type.String(),
  status: Type.Integer(),
  code: Type.String({ description: 'Stable code', examples: ['TW_WEBHOOK_NOT_FOUND'] }),
  detail: Type.String({ description: 'What is wrong and what to do' }),
  instance: Type.Optional(Type.String()),
  errors: Type.Optional(Type.Array(Type.Object({ pointer: Type.String(), detail: Type.String() })))
}, { $id: 'Problem' })
export type Problem = Static<typeof Problem>
