import './formats.ts'
import { Type, type Static } from '@sinclair/typebox'
import { stringEnum } from './string-enum.ts'

// Objects stay open: an emitter newer than we are may know more, and what it knows is passed on, not refused.
const text = (description: string, maxLength = 65_536) => Type.String({ description, maxLength })
const name = (description: string) => Type.String({ description, minLength: 1, maxLength: 1_024 })
const id = (description: string) => Type.String({ description, minLength: 1, maxLength: 256 })
const time = (description: string) => Type.String({ description, format: 'date-time' })
// People follow it: no javascript:, no data:.
const page = Type.String({ description: 'Page of it in ThreatWeaver, https or http', format: 'uri', pattern: '^https?://', maxLength: 2_048 })
const count = (description: string) => Type.Integer({ description, minimum: 0, maximum: 4_294_967_295 })

export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info'] as const
export const Severity = stringEnum(SEVERITIES, 'Severity, worst first')
export type Severity = typeof SEVERITIES[number]

export const FINDING_STATUSES = ['open', 'in_progress', 'reopened', 'resolved', 'risk_accepted', 'false_positive'] as const
export const FindingStatus = stringEnum(FINDING_STATUSES, 'Status of a finding')
export type FindingStatus = typeof FINDING_STATUSES[number]

export const Asset = Type.Object({
  id: id('Asset id in ThreatWeaver'),
  name: name('Name people know the asset by'),
  address: Type.Optional(Type.String({ description: 'Host name, IP address or URL', maxLength: 2_048 }))
})

export const Cvss = Type.Object({
  version: stringEnum(['2.0', '3.0', '3.1', '4.0'], 'CVSS version'),
  score: Type.Number({ description: 'Base score', minimum: 0, maximum: 10 }),
  vector: Type.Optional(Type.String({ description: 'Vector string', maxLength: 512 }))
})

export const ComplianceReference = Type.Object({
  framework: name('Framework, e.g. PCI DSS 4.0'),
  control: name('Control, e.g. 6.2.4')
})

export const Finding = Type.Object({
  id: id('Finding id in ThreatWeaver'),
  title: name('What was found'),
  severity: Severity,
  status: FindingStatus,
  previousStatus: Type.Optional(stringEnum(FINDING_STATUSES, 'Status before this change')),
  vulnerabilityType: Type.Optional(name('Kind of vulnerability, e.g. SQL injection')),
  description: Type.Optional(text('What is wrong, in plain text')),
  cves: Type.Optional(Type.Array(Type.String({ pattern: '^CVE-\\d{4}-\\d{4,19}$' }), { description: 'CVE ids', maxItems: 500 })),
  cvss: Type.Optional(Cvss),
  asset: Asset,
  module: Type.Optional(name('ThreatWeaver module that found it')),
  component: Type.Optional(name('Affected system component')),
  evidence: Type.Optional(text('What proves it: request, response, output')),
  remediation: Type.Optional(text('How to mend it')),
  compliance: Type.Optional(Type.Array(ComplianceReference, { description: 'Controls it violates', maxItems: 500 })),
  url: Type.Optional(page),
  firstSeenAt: Type.Optional(time('First seen')),
  lastSeenAt: Type.Optional(time('Last seen')),
  sequence: Type.Optional(Type.Integer({ description: 'Grows with every change of this finding: a lower one is older', minimum: 0, maximum: Number.MAX_SAFE_INTEGER }))
})
export type Finding = Static<typeof Finding>

const severityCounts = Type.Object(
  Object.fromEntries(SEVERITIES.map(value => [value, Type.Optional(count(`Findings of severity ${value}`))])),
  { description: 'Findings by severity' })

export const Scan = Type.Object({
  id: id('Scan id'),
  name: name('Scan name'),
  scanner: Type.Optional(name('Scanner that runs it')),
  targets: Type.Optional(Type.Array(Type.String({ maxLength: 2_048 }), { description: 'What is scanned', maxItems: 1_000 })),
  startedAt: Type.Optional(time('Start')),
  finishedAt: Type.Optional(time('End')),
  findings: Type.Optional(severityCounts),
  error: Type.Optional(text('Why it failed', 4_096)),
  url: Type.Optional(page)
})

export const Sla = Type.Object({
  finding: Finding,
  policy: name('SLA policy'),
  dueAt: time('When the finding has to be resolved'),
  breachedAt: Type.Optional(time('When it was not')),
  hoursLeft: Type.Optional(Type.Number({ description: 'Hours until the breach, negative after it' }))
})

export const Sync = Type.Object({
  id: id('Sync run id'),
  provider: name('Where findings come from, e.g. tenable'),
  startedAt: Type.Optional(time('Start')),
  finishedAt: Type.Optional(time('End')),
  imported: Type.Optional(count('Findings imported')),
  updated: Type.Optional(count('Findings updated')),
  resolved: Type.Optional(count('Findings resolved')),
  error: Type.Optional(text('Why it failed', 4_096)),
  url: Type.Optional(page)
})

export const Assessment = Type.Object({
  id: id('Assessment id'),
  name: name('Assessment name'),
  application: Type.Optional(name('Application assessed')),
  startedAt: Type.Optional(time('Start')),
  finishedAt: Type.Optional(time('End')),
  findings: Type.Optional(severityCounts),
  url: Type.Optional(page)
})

export const CriticalFinding = Type.Object({ assessment: Assessment, finding: Finding })
