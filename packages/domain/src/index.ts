// Owns the product's decisions: match, message, outcome, decide, schedule.
// Never does I/O, reads no clock and draws no random numbers.
export type { Outcome, Verdict } from './outcome.ts'
export { decide, type Round } from './decide.ts'
export { RETRY_SCHEDULE, findTier, toTierMs } from './retry-schedule.ts'
export { parseRetryAfter } from './retry-after.ts'
export { createRouting, type Routing } from './match.ts'
export { toSignatureHeaders, type Signable } from './signature.ts'
export { hasControlCharacter, stripHtmlTags } from './plain-text.ts'
export { SAMPLE_SOURCE, toSampleEvent } from './sample-event.ts'
