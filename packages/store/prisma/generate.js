import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

// Generation needs no schema engine, but the tool insists on downloading one unless it is told of a file: any existing one will do.
const root = dirname(import.meta.dirname)
const tool = createRequire(import.meta.url).resolve('prisma/build/index.js')
const env = { PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, PRISMA_HIDE_UPDATE_MESSAGE: '1', CHECKPOINT_DISABLE: '1' }
execFileSync(process.execPath, [tool, 'generate', '--config', join(root, 'prisma.config.ts')], { cwd: root, env, stdio: ['ignore', 'ignore', 'inherit'] })
