import { writeFileSync } from 'node:fs'
import { DOCUMENT_FILE, toText } from './document.ts'

writeFileSync(DOCUMENT_FILE, await toText())
