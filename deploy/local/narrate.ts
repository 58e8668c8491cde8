import type { Bus } from '@tw/bus'
import type { Received } from './receiver.ts'

const LINES_MAX = 10
const WINDOW_MS = 1_000
const TEXT_MAX = 60
const DETAIL_MAX = 300

/** Says at most ten lines a second, and how many more there were: a burst must not bury the terminal. */
export const createPacedSay = (say: (line: string) => void): (line: string) => void => {
  const window = { startMs: 0, said: 0, more: 0 }
  const close = (): void => {
    if (window.more > 0) say(`  ... and ${window.more} more`)
    window.more = 0
  }
  return line => {
    if (Date.now() - window.startMs > WINDOW_MS) Object.assign(window, { startMs: Date.now(), said: 0 })
    window.said += 1
    if (window.said <= LINES_MAX) return say(line)
    if (window.more === 0) setTimeout(close, WINDOW_MS).unref()
    window.more += 1
  }
}

// What comes from outside must neither break a line nor speak to the terminal.
const toShown = (text: string, max = TEXT_MAX): string => {
  const plain = text.replaceAll(/[\s\p{Cc}\p{Cf}]+/gu, ' ').trim()
  return plain.length > max ? `${plain.slice(0, max - 1)}…` : plain
}

const findTitle = (value: unknown): string => {
  if (typeof value !== 'object' || value === null) return ''
  const { title, name, provider, finding }: { title?: unknown, name?: unknown, provider?: unknown, finding?: unknown } = value
  const found = [title, name, provider].find(text => typeof text === 'string')
  return typeof found === 'string' ? found : findTitle(finding)
}

const parse = (body: string): { id?: unknown, data?: unknown } => {
  try {
    return Object(JSON.parse(body))
  } catch {
    return {}
  }
}

/** One line for each request the sample receiver got. */
export const toReceivedLine = ({ deliveryId, eventType, signed, body }: Received): string => {
  const title = toShown(findTitle(parse(body).data))
  return `Received  ${toShown(eventType) || 'something'}${title === '' ? '' : `  "${title}"`}  ${signed ? 'signature verified' : 'SIGNATURE DOES NOT FIT'}  delivery ${toShown(deliveryId) || 'unknown'}`
}

/** One line for each event that is not understood, as it happens; ends when the bus is closed. */
export const narrateRejected = async ({ connection }: Pick<Bus, 'connection'>, say: (line: string) => void): Promise<void> => {
  for await (const message of connection.subscribe('tw.rejected.*')) {
    const reason = message.subject.split('.').at(-1)
    const detail = decodeURIComponent(message.headers?.get('Tw-Detail') ?? '')
    say(`Rejected  ${reason}  ${toShown(detail, DETAIL_MAX)}`)
  }
}
