// What begins a tag, a comment or a declaration for an HTML parser (https://html.spec.whatwg.org/multipage/parsing.html#tag-open-state);
// a `<` before anything else is text. An unclosed one reaches to the end.
const TAG = /<[a-z/!?][^>]*(>|$)/gi

// `<` and `>` written as references, also with the ampersand itself written as one, however often.
const LESS = /&(?:amp;|#0*38;?|#x0*26;?)*(?:lt|#0*60|#x0*3c)(?:;|(?![0-9a-z]))/gi
const GREATER = /&(?:amp;|#0*38;?|#x0*26;?)*(?:gt|#0*62|#x0*3e)(?:;|(?![0-9a-z]))/gi

const stripOnce = (text: string): string => text.replace(LESS, '<').replace(GREATER, '>').replace(TAG, '')

/**
 * Text without HTML tags: nothing in it begins a tag, also after references are resolved once more, and what two halves of a tag leave
 * behind is stripped as well. Comparisons such as `CVSS < 7` stay. Applying it again changes nothing.
 */
export const stripHtmlTags = (text: string): string => {
  const stripped = stripOnce(text)
  return stripped === text ? text : stripHtmlTags(stripped)
}

// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/

/** Whether a text holds a control character, a line break among them, or half a surrogate pair. */
export const hasControlCharacter = (text: string): boolean => CONTROL.test(text) || !text.isWellFormed()
