import { Type, type TProperties, type TSchema } from '@sinclair/typebox'
import '@tw/contracts'

/** A time in an answer. */
export const Time = (description: string) => Type.String({ format: 'date-time', description })
export const Nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])

/** Path parameter: an id of any shape is looked up, so what does not exist is a 404. */
export const IdParams = Type.Object({ id: Type.String({ description: 'Id', examples: ['6f1f7a52-7d1c-4c1e-9d8e-0c6b7f7c2f10'] }) })

/** Query of a list: page and filters; an unknown one is refused. */
export const PageQuery = <Filters extends TProperties>(filters: Filters) => Type.Object({
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50, description: 'Items of one page' }),
  cursor: Type.Optional(Type.String({ maxLength: 256, description: '`next` of the page before' })),
  ...filters
}, { additionalProperties: false })

export const timeFilters = {
  since: Type.Optional(Type.String({ format: 'date-time', description: 'From this time on', examples: ['2026-01-01T00:00:00Z'] })),
  until: Type.Optional(Type.String({ format: 'date-time', description: 'Before this time' }))
}

export const Page = (name: string, properties: TProperties = {}) => Type.Object({
  items: Type.Array(Type.Ref(name)),
  next: Type.Union([Type.String(), Type.Null()], { description: 'Cursor of the next page; null on the last one' }),
  ...properties
})

/** Answers that every route may give. */
export const problems = {
  '4xx': { description: 'Refused: a problem document (RFC 9457)', content: { 'application/problem+json': { schema: Type.Ref('Problem') } } },
  '5xx': { description: 'Not now: a problem document (RFC 9457)', content: { 'application/problem+json': { schema: Type.Ref('Problem') } } }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
export const isUuid = (text: string): boolean => UUID.test(text)

/** Times of a query's range; ISO texts that passed the schema. */
export const toRange = ({ since, until }: { since?: string | undefined, until?: string | undefined }): { since?: Date, until?: Date } => ({
  ...(since === undefined ? {} : { since: new Date(since) }),
  ...(until === undefined ? {} : { until: new Date(until) })
})
