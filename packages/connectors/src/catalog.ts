import type { Manifest } from '@tw/connector-kit'
import type { ConnectorId } from '@tw/contracts'
import { manifest as webhook } from './webhook/manifest.ts'

/** Every connector's manifest; imports no I/O. A missing one is a compile error. */
export const CATALOG = { webhook } as const satisfies Record<ConnectorId, Manifest>
