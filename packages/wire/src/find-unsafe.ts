/** Levels of objects and lists an event may have: it is read recursively by everything after us. */
export const DEPTH_MAX = 32

/** What no receiver could be trusted to read: where, and what it is. */
export type Unsafe = { pointer: string, problem: string }

const escape = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')

const findBadName = (name: string): string | undefined => {
  if (name === '__proto__') return 'the name __proto__ is not allowed'
  return name.isWellFormed() ? undefined : 'its name holds half of a character'
}

const findProblem = (value: unknown, depth: number): string | undefined => {
  if (typeof value === 'number' && !Number.isFinite(value)) return 'it is too large for a number'
  return depth > DEPTH_MAX ? `it lies deeper than ${DEPTH_MAX} levels` : undefined
}

const findInside = (value: object, depth: number): Unsafe | undefined => {
  for (const [name, inner] of Object.entries(value)) {
    const problem = findBadName(name)
    if (problem !== undefined) return { pointer: `/${escape(name)}`, problem }
    const found = findUnsafe(inner, depth + 1)
    if (found !== undefined) return { ...found, pointer: `/${escape(name)}${found.pointer}` }
  }
  return undefined
}

/** The first thing in a parsed value that is too deep, too large for a number, or badly named. */
export const findUnsafe = (value: unknown, depth = 0): Unsafe | undefined => {
  const problem = findProblem(value, depth)
  if (problem !== undefined) return { pointer: '', problem }
  return typeof value === 'object' && value !== null ? findInside(value, depth) : undefined
}
