import type { Event, EventType } from '@tw/contracts'

const ASSET = { id: 'asset-sample', name: 'shop.example.com', address: '192.0.2.10' }

const FINDING = {
  id: 'finding-sample',
  title: 'Test: SQL injection in the search form',
  severity: 'high',
  status: 'open',
  vulnerabilityType: 'SQL injection',
  description: 'A sample finding that ThreatWeaver sends on request. Nothing was found.',
  cves: ['CVE-2021-44228'],
  cvss: { version: '3.1', score: 8.6, vector: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:L/A:L' },
  asset: ASSET,
  module: 'appsec',
  component: 'search',
  evidence: 'GET /search?q=%27 answered 500 with a database error',
  remediation: 'Use parameterised queries.',
  compliance: [{ framework: 'PCI DSS 4.0', control: '6.2.4' }],
  sequence: 1
}

const SCAN = { id: 'scan-sample', name: 'Test: nightly scan', scanner: 'sample', targets: ['shop.example.com'] }
const SLA = { finding: FINDING, policy: 'Test: high within 30 days' }
const SYNC = { id: 'sync-sample', provider: 'tenable' }
const ASSESSMENT = { id: 'assessment-sample', name: 'Test: web application', application: 'shop' }

// Each in the state its event type tells of. `at` and `later` are ISO times.
const SAMPLES: Record<EventType, (at: string, later: string) => Record<string, unknown>> = {
  'finding.created': at => ({ ...FINDING, firstSeenAt: at }),
  'finding.status_changed': () => ({ ...FINDING, status: 'in_progress', previousStatus: 'open', sequence: 2 }),
  'finding.resolved': () => ({ ...FINDING, status: 'resolved', previousStatus: 'in_progress', sequence: 3 }),
  'scan.started': at => ({ ...SCAN, startedAt: at }),
  'scan.completed': at => ({ ...SCAN, startedAt: at, finishedAt: at, findings: { high: 1, low: 2 } }),
  'scan.failed': at => ({ ...SCAN, startedAt: at, finishedAt: at, error: 'A sample error: the target did not answer.' }),
  'sla.breach_warning': (_at, later) => ({ ...SLA, dueAt: later, hoursLeft: 24 }),
  'sla.breach_confirmed': at => ({ ...SLA, dueAt: at, breachedAt: at, hoursLeft: 0 }),
  'sync.completed': at => ({ ...SYNC, startedAt: at, finishedAt: at, imported: 3, updated: 2, resolved: 1 }),
  'sync.failed': at => ({ ...SYNC, startedAt: at, finishedAt: at, error: 'A sample error: the credentials were refused.' }),
  'assessment.completed': at => ({ ...ASSESSMENT, startedAt: at, finishedAt: at, findings: { critical: 1 } }),
  'assessment.critical_finding': () => ({ assessment: ASSESSMENT, finding: { ...FINDING, severity: 'critical' } })
}

const DAY_MS = 86_400_000

/** The source of every sample event; no emitter has it. */
export const SAMPLE_SOURCE = '/threatweaver/test'

/** An event of that type as an emitter would send it, marked as a test: `data.test` is true, its source is SAMPLE_SOURCE. */
export const toSampleEvent = (type: EventType, { id, at }: { id: string, at: Date }): Event => ({
  specversion: '1.0',
  id,
  source: SAMPLE_SOURCE,
  type,
  time: at.toISOString(),
  datacontenttype: 'application/json',
  data: { test: true, ...SAMPLES[type](at.toISOString(), new Date(at.getTime() + DAY_MS).toISOString()) }
})
