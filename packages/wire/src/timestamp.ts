/** google.protobuf.Timestamp: seconds since 1970, and nanoseconds within the second. */
export type Timestamp = { seconds: number, nanos: number }

const FRACTION = /\.(\d+)/

// 3, 6 or 9 digits, none for a whole second: as the protobuf JSON mapping writes it.
const toFraction = (nanos: number): string => {
  if (nanos === 0) return ''
  const digits = String(nanos).padStart(9, '0')
  return `.${digits.replace(/(?:000){1,2}$/, '')}`
}

/** RFC 3339 in UTC. A time outside the years 1 to 9999 comes out as text that is no date-time, for the schema to refuse. */
export const toDateTime = ({ seconds, nanos }: Timestamp): string => {
  const date = new Date(seconds * 1_000)
  return Number.isNaN(date.getTime()) || nanos < 0 || nanos > 999_999_999 ? 'out of range' : `${date.toISOString().slice(0, -5)}${toFraction(nanos)}Z`
}

/** The same instant as a Timestamp, whatever offset the text has. Throws a RangeError when it is no date-time. */
export const parseDateTime = (text: string): Timestamp => {
  const seconds = Date.parse(text.replace(FRACTION, '')) / 1_000
  if (Number.isNaN(seconds)) throw new RangeError(`"${text}" is no date-time`)
  return { seconds, nanos: Number((FRACTION.exec(text)?.[1] ?? '').slice(0, 9).padEnd(9, '0')) }
}
