import { Type, type Static } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { isEventType } from '@tw/contracts'
import { fromMessage } from './from-message.ts'
import { cloudEvent, toMessageName, toMessageType } from './proto.ts'
import { readJson, readJsonText } from './read-json.ts'
import { refuse, type Read } from './reject.ts'

const Bytes = Type.Uint8Array()
const Decoded = Type.Object({
  id: Type.Optional(Type.String()),
  source: Type.Optional(Type.String()),
  specVersion: Type.Optional(Type.String()),
  type: Type.Optional(Type.String()),
  attributes: Type.Optional(Type.Record(Type.String(), Type.Record(Type.String(), Type.Unknown()))),
  binaryData: Type.Optional(Bytes),
  textData: Type.Optional(Type.String()),
  protoData: Type.Optional(Type.Object({ type_url: Type.Optional(Type.String()), value: Type.Optional(Bytes) }))
})
type Decoded = Static<typeof Decoded>
const decodedCheck = TypeCompiler.Compile(Decoded)

const NOTHING = new Uint8Array(0)

const findDecoded = (data: Uint8Array): Decoded | undefined => {
  try {
    const decoded = fromMessage(cloudEvent.decode(data), cloudEvent)
    return decodedCheck.Check(decoded) ? decoded : undefined
  } catch {
    return undefined
  }
}

const readAny = ({ type_url: typeUrl = '', value = NOTHING }: NonNullable<Decoded['protoData']>, type: string | undefined): Read => {
  // The type is refused later, by its own reason.
  if (type === undefined || !isEventType(type)) return { ok: true, value: undefined }
  const name = toMessageName(type)
  if (typeUrl.split('/').at(-1) !== name) return refuse('bad_data', `/data is "${typeUrl}", but ${type} carries ${name}.`)
  try {
    return { ok: true, value: fromMessage(toMessageType(type).decode(value), toMessageType(type)) }
  } catch {
    return refuse('not_protobuf', `/data is not a message ${name}.`)
  }
}

const readData = ({ protoData, textData, binaryData, type }: Decoded): Read => {
  if (protoData !== undefined) return readAny(protoData, type)
  if (textData !== undefined) return readJsonText(textData)
  return binaryData === undefined ? { ok: true, value: undefined } : readJson(binaryData)
}

const toAttributes = ({ id, source, specVersion, type, attributes = {}, protoData }: Decoded): Record<string, unknown> => {
  const optional = Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, Object.values(value)[0]]))
  // The data is JSON from here on.
  const contentType = protoData !== undefined && 'datacontenttype' in optional ? { datacontenttype: 'application/json' } : {}
  const required = Object.entries({ specversion: specVersion, id, source, type }).filter(([, value]) => value !== undefined)
  return { ...optional, ...contentType, ...Object.fromEntries(required) }
}

/** Reads application/cloudevents+protobuf; its data may be one of our messages, or JSON as text or bytes. */
export const readProtobuf = (body: Uint8Array): Read => {
  const decoded = findDecoded(body)
  if (decoded === undefined) return refuse('not_protobuf', 'The body is not a message io.cloudevents.v1.CloudEvent.')
  const data = readData(decoded)
  if (!data.ok) return data
  return { ok: true, value: { ...toAttributes(decoded), ...(data.value === undefined ? {} : { data: data.value }) } }
}
