import { mkdirSync, writeFileSync } from 'node:fs'
import { toDocuments } from './documents.ts'

mkdirSync(new URL('schemas/', import.meta.url), { recursive: true })
for (const [path, text] of toDocuments()) writeFileSync(new URL(path, import.meta.url), text)
