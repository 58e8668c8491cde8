import { StringDecoder } from 'node:string_decoder'

/** What of an answer's body is read and kept, in bytes. */
export type BodyLimits = { bodyBytesMax: number, bodyBytesRead: number }

export type AnswerBody = {
  /** Takes a chunk; false once enough was read. */
  add: (chunk: Buffer) => boolean
  /** What was kept. `encoding` is the answer's Content-Encoding: what is compressed stays so, and is told by its size. */
  toText: (encoding: string | undefined) => { body: string, truncated: boolean }
}

// A character cut in two at the end is left out; bytes that are not UTF-8 become U+FFFD.
const decode = (bytes: Buffer, isCut: boolean): string => isCut ? new StringDecoder('utf8').write(bytes) : bytes.toString()

const toEncodingName = (encoding: string): string => /^[a-z0-9, -]{1,40}$/i.exec(encoding)?.[0] ?? 'encoded'

/** Collects the body of one answer within the limits. */
export const createAnswerBody = ({ bodyBytesMax, bodyBytesRead }: BodyLimits): AnswerBody => {
  const chunks: Buffer[] = []
  let seenBytes = 0
  return {
    add: chunk => {
      if (seenBytes < bodyBytesMax) chunks.push(chunk.subarray(0, bodyBytesMax - seenBytes))
      seenBytes += chunk.length
      return seenBytes <= bodyBytesRead
    },
    toText: encoding => {
      const isCut = seenBytes > bodyBytesMax
      if (encoding !== undefined && encoding !== 'identity' && seenBytes > 0) {
        return { body: `(${toEncodingName(encoding)}, ${seenBytes > bodyBytesRead ? 'more than ' : ''}${Math.min(seenBytes, bodyBytesRead)} bytes)`, truncated: true }
      }
      const [only] = chunks
      const bytes = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks)
      return { body: decode(bytes, isCut), truncated: isCut }
    }
  }
}
