import { Type, type StringOptions, type TObject, type TString } from '@sinclair/typebox'

/** A field that is sealed before it leaves the API's memory and never read back: only whether it is set. */
export const secret = (options: StringOptions): TString => Type.String({ minLength: 1, ...options, secret: true, writeOnly: true })

/** Names of the fields of a configuration that are secrets. */
export const toSecretFields = (config: TObject): string[] =>
  Object.entries(config.properties).filter(([, schema]) => schema['secret'] === true).map(([name]) => name)
