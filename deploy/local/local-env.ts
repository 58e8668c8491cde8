import { isAbsolute, join, relative } from 'node:path'
import { Type, type Static } from '@sinclair/typebox'

export const ROOT = join(import.meta.dirname, '..', '..')

/** What `npm start` reads of its environment; nothing has to be set. */
export const LocalEnv = Type.Object({
  TW_LOCAL: Type.String({ description: 'Folder of the data, logs and keys; relative to the repository', minLength: 1, default: '.local' }),
  API_PORT: Type.Optional(Type.Integer({ description: 'Port of the API on 127.0.0.1; a free one, the same at each start, if absent', minimum: 1, maximum: 65_535 })),
  DATABASE_URL: Type.Optional(Type.String({ description: 'A Postgres that runs already: none is started' })),
  NATS_URL: Type.Optional(Type.String({ description: 'A nats-server with JetStream that runs already: none is started' })),
  NATS_USER: Type.Optional(Type.String({ description: 'User for NATS_URL' })),
  NATS_PASSWORD: Type.Optional(Type.String({ description: 'Password for NATS_URL' })),
  NATS_SERVER: Type.Optional(Type.String({ description: 'The program nats-server, where it is not to be looked for' }))
})
export type LocalEnv = Static<typeof LocalEnv>

/** The folder of a run, as an absolute path. */
export const toFolder = ({ TW_LOCAL }: Pick<LocalEnv, 'TW_LOCAL'>): string => isAbsolute(TW_LOCAL) ? TW_LOCAL : join(ROOT, TW_LOCAL)

/** A path as people read it: below the repository without it. */
export const toShown = (path: string): string => {
  const short = relative(ROOT, path)
  return short.startsWith('..') ? path : short
}
