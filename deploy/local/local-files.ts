import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Type, type Static, type TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { createKeys } from '@tw/testkit'

/** What stays between runs beside the data: keys, ports, and the sample webhook. */
const LocalState = Type.Object({
  keys: Type.Object({ vaultKeys: Type.String(), tokenKey: Type.String(), licencePrivateKey: Type.String(), licencePublicKey: Type.String() }),
  apiPort: Type.Optional(Type.Integer()),
  natsPort: Type.Optional(Type.Integer()),
  receiverPort: Type.Optional(Type.Integer()),
  /** Signs what the sample webhook sends. */
  webhookSecret: Type.String(),
  webhookId: Type.Optional(Type.String()),
  /** The sample delivery was seen in the log once. */
  proven: Type.Optional(Type.Boolean())
})
export type LocalState = Static<typeof LocalState>

/** Processes of a run, and a piece of each one's command line that tells it from a stranger with the same number. */
const Processes = Type.Record(Type.String(), Type.Object({ pid: Type.Integer(), mark: Type.String() }))
export type Processes = Static<typeof Processes>

/** What `.local/run.json` says while the platform runs. */
export type Run = { apiUrl: string, token: string, natsUrl: string, databaseUrl: string, pids: Record<string, number> }

/** The files of one folder. Only the owner may read them: they hold the development keys. */
export type LocalFiles = {
  folder: string
  /** The state of earlier runs, or a new one. Throws an Error that says what to remove when the file is not what this wrote. */
  readState: () => LocalState
  writeState: (state: LocalState) => void
  writeRun: (run: Run) => void
  /** The processes of the run before, if it did not end in good order. */
  readProcesses: () => Processes
  writeProcesses: (processes: Processes) => void
  /** Takes away what is true only while the platform runs, and lets others use the folder. */
  close: () => void
}

const createState = (): LocalState => ({ keys: createKeys(), webhookSecret: `whsec_${randomBytes(32).toString('base64')}` })

const parse = <Schema extends TSchema>(schema: Schema, text: string): Static<Schema> | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return Value.Check(schema, value) ? value : undefined
  } catch {
    return undefined
  }
}

// A lock the system frees with the process that holds it, however that ends: no stale file is ever in the way.
const lock = (folder: string): DatabaseSync | undefined => {
  const database = new DatabaseSync(join(folder, 'lock'), { timeout: 0 })
  try {
    database.exec('BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    database.close()
    if (/locked/.test(String(error))) return undefined
    throw error
  }
}

/** Opens a folder for one run, making it if it is missing. Throws an Error that says who uses it when another run does. */
export const openLocalFiles = (folder: string): LocalFiles => {
  const file = (name: string): string => join(folder, name)
  // In one step: a reader sees the whole file or the one before.
  const write = (name: string, value: object): void => {
    writeFileSync(file(`${name}.new`), `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 })
    renameSync(file(`${name}.new`), file(name))
  }
  const readProcesses = (): Processes => existsSync(file('processes.json')) ? parse(Processes, readFileSync(file('processes.json'), 'utf8')) ?? {} : {}

  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const held = lock(folder)
  if (held === undefined) throw new Error(`Another npm start (process ${readProcesses()['start']?.pid ?? 'unknown'}) uses ${folder}: stop it, or set TW_LOCAL to another folder.`)
  chmodSync(file('lock'), 0o600)
  rmSync(file('run.json'), { force: true })
  return {
    folder,
    readProcesses,
    readState: () => {
      if (!existsSync(file('state.json'))) return createState()
      const state = parse(LocalState, readFileSync(file('state.json'), 'utf8'))
      if (state === undefined) throw new Error(`${file('state.json')} cannot be read: remove the folder ${folder} to begin anew, which loses its data.`)
      return state
    },
    writeState: state => write('state.json', state),
    writeRun: run => write('run.json', run),
    writeProcesses: processes => write('processes.json', processes),
    close: () => {
      for (const name of ['run.json', 'processes.json']) rmSync(file(name), { force: true })
      held.close()
    }
  }
}
