import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'
import type { EventType } from '@tw/contracts'

const FILES = ['cloudevents', 'finding', 'scan', 'sla', 'sync', 'assessment'].map(name => `threatweaver/events/v1/${name}.proto`)

// The .proto files are read as they stand: what emitters compile and what is understood here cannot drift apart.
const openRoot = (): protobuf.Root => {
  const root = new protobuf.Root()
  root.resolvePath = (_origin, path) => path.startsWith('google/') ? path : fileURLToPath(import.meta.resolve(`@tw/proto/${path}`))
  root.loadSync(FILES).resolveAll()
  return root
}

const root = openRoot()
const PACKAGE = 'threatweaver.events.v1'

export const cloudEvent = root.lookupType('io.cloudevents.v1.CloudEvent')

const MESSAGE_NAMES: Record<EventType, string> = {
  'finding.created': 'Finding',
  'finding.status_changed': 'Finding',
  'finding.resolved': 'Finding',
  'scan.started': 'Scan',
  'scan.completed': 'Scan',
  'scan.failed': 'Scan',
  'sla.breach_warning': 'Sla',
  'sla.breach_confirmed': 'Sla',
  'sync.completed': 'Sync',
  'sync.failed': 'Sync',
  'assessment.completed': 'Assessment',
  'assessment.critical_finding': 'CriticalFinding'
}

/** The message that carries the data of an event type. */
export const toMessageType = (type: EventType): protobuf.Type => root.lookupType(`${PACKAGE}.${MESSAGE_NAMES[type]}`)

/** `threatweaver.events.v1.Finding`: what the type URL of an Any ends in. */
export const toMessageName = (type: EventType): string => `${PACKAGE}.${MESSAGE_NAMES[type]}`
