import type { TObject } from '@sinclair/typebox'
import type { ConnectorId } from '@tw/contracts'

/** What a connector declares of itself: one schema gives validation, form, OpenAPI, sealing and redaction. */
export type Manifest = {
  id: ConnectorId
  title: string
  config: TObject
}
