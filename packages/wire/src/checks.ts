import { Type } from '@sinclair/typebox'
import { TypeCompiler, type TypeCheck } from '@sinclair/typebox/compiler'
import { EVENT_DATA, EVENT_TYPES, Envelope, isEventType, type Event, type EventType, type Rejection } from '@tw/contracts'
import { findDescription } from './describe.ts'
import { toRejection } from './reject.ts'

type DataCheck = Pick<TypeCheck<typeof Envelope>, 'Errors'> & { Check: (data: unknown) => boolean }

const envelope = TypeCompiler.Compile(Envelope)
const dataByType = new Map<string, DataCheck>(EVENT_TYPES.map(type => [type, TypeCompiler.Compile(EVENT_DATA[type])]))

/** A valid event whose type is what its subject says: the fast path, nothing is explained. */
export const isEvent = (value: unknown, subjectType: string): value is Event & { type: EventType } =>
  envelope.Check(value) && value.type === subjectType && dataByType.get(value.type)?.Check(value.data) === true

// The attributes alone: an unknown type and bad data have their own reasons.
const { data: _data, ...attributes } = Envelope.properties
const Attributes = Type.Object({ ...attributes, type: Type.String({ minLength: 1 }), data: Type.Optional(Type.Unknown()) })
const attributesCheck = TypeCompiler.Compile(Attributes)

const diagnoseData = (type: EventType, data: unknown): Rejection => {
  if (data === undefined) return toRejection('bad_data', '/data is missing: it must be an object.')
  const check = dataByType.get(type)
  return toRejection('bad_data', (check && findDescription(check.Errors(data), '/data')) ?? '/data is not valid.')
}

const diagnoseAttributes = (value: unknown): string => {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return (isObject ? findDescription(attributesCheck.Errors(value), '') : undefined) ?? 'The body must be a JSON object: one CloudEvent.'
}

/** Why `isEvent` said no, the first reason in this order: attributes, type, subject, data. */
export const diagnose = (value: unknown, subjectType: string): Rejection => {
  if (!attributesCheck.Check(value)) return toRejection('not_cloudevent', diagnoseAttributes(value))
  const { type, data } = value
  if (!isEventType(type)) return toRejection('unknown_type', `/type is "${type}", it must be one of ${EVENT_TYPES.join(', ')}.`)
  if (type !== subjectType) return toRejection('subject_mismatch', `The subject says ${subjectType}, but /type is "${type}": publish it to tw.events.(tenant).${type}.`)
  return diagnoseData(type, data)
}
