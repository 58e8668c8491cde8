import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createKeys, type Keys } from '@tw/testkit'

export const LOCAL = join(import.meta.dirname, '..', '..', '.local')

/** What stays between runs beside the data: keys, ports, and the sample webhook. */
export type LocalState = {
  keys: Keys
  apiPort?: number
  receiverPort?: number
  /** The webhook of the first run's sample receiver. */
  webhookId?: string
  /** Its secret, so that the receiver can verify. */
  webhookSecret?: string
}

const FILE = join(LOCAL, 'state.json')

// Only the owner may read what is in .local: it holds the development keys.
export const writeLocal = (file: string, value: object): void => {
  mkdirSync(LOCAL, { recursive: true })
  writeFileSync(join(LOCAL, file), `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 })
}

/** The state of earlier runs, or new keys. Throws a clear Error when the file is not what this wrote. */
export const readLocalState = (): LocalState => {
  if (!existsSync(FILE)) return { keys: createKeys() }
  try {
    const state: LocalState = JSON.parse(readFileSync(FILE, 'utf8'))
    return state
  } catch (error) {
    throw new Error(`${FILE} is not readable: remove the folder .local to begin anew`, { cause: error })
  }
}

export const writeLocalState = (state: LocalState): void => writeLocal('state.json', state)
