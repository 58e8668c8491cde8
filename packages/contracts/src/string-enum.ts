import { Kind, Type, TypeRegistry, type TUnsafe } from '@sinclair/typebox'

const KIND = 'StringEnum'

// TypeBox writes a union of literals as `anyOf`, and its own String overlooks `enum`: with this kind the JSON Schema reads
// `enum: [...]`, as people and generators expect, and TypeBox checks it.
TypeRegistry.Set<{ enum: readonly unknown[] }>(KIND, (schema, value) => schema.enum.includes(value))

/** One of a few words: `{ type: 'string', enum: values }`. */
export const stringEnum = <Value extends string>(values: readonly Value[], description: string): TUnsafe<Value> =>
  Type.Unsafe<Value>({ [Kind]: KIND, type: 'string', enum: [...values], description })
