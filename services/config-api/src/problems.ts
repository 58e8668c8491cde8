import { PROBLEMS, type Problem, type ProblemCode } from '@tw/contracts'

/** A field that is wrong, by JSON pointer (RFC 6901). */
export type FieldError = { pointer: string, detail: string }

/** Why a request is not done. `detail` says what is wrong and what to do. */
export type Refusal = { ok: false, code: ProblemCode, detail: string, errors?: FieldError[] }
export type Done<Value> = { ok: true, value: Value }
/** What a use case answers: expected failures are values. */
export type Result<Value> = Done<Value> | Refusal

export const done = <Value>(value: Value): Done<Value> => ({ ok: true, value })

export const refuse = (code: ProblemCode, detail: string, errors?: FieldError[]): Refusal =>
  ({ ok: false, code, detail, ...(errors === undefined ? {} : { errors }) })

export const refuseFields = (errors: FieldError[]): Refusal =>
  refuse('TW_INVALID_REQUEST', errors.map(({ pointer, detail }) => `${pointer}: ${detail}`).join('; '), errors)

export const toStatus = ({ code }: Refusal): number => PROBLEMS[code][0]

/** The problem document of a refusal (RFC 9457); `instance` is the path that was asked for. */
export const toProblem = ({ code, detail, errors }: Refusal, instance: string): Problem => {
  const [status, title] = PROBLEMS[code]
  return { type: `urn:threatweaver:problem:${code}`, title, status, code, detail, instance, ...(errors === undefined ? {} : { errors }) }
}

/** Carries a refusal from a route to the app's error reply. */
export class ProblemError extends Error {
  override name = 'ProblemError'
  readonly refusal: Refusal

  constructor (refusal: Refusal) {
    super(refusal.detail)
    this.refusal = refusal
  }
}

/** The value, or the refusal on its way to the error reply. */
export const unwrap = <Value>(result: Result<Value>): Value => {
  if (result.ok) return result.value
  throw new ProblemError(result)
}
