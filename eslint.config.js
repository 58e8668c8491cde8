import { importX } from 'eslint-plugin-import-x'
import neostandard from 'neostandard'

const said = message => ({ severity: 'error', message })
const forbidden = Object.entries({
  ExportDefaultDeclaration: 'A default export has no name of its own: export it by name.',
  ExportAllDeclaration: 'Spell the public names out, `export *` hides them.',
  TSNonNullExpression: 'No `!`: narrow the type instead.',
  TSAnyKeyword: 'No `any`: say `unknown` and narrow it.',
  TSEnumDeclaration: 'No enum: it is not erasable. Use a const object or a union.'
}).map(([selector, message]) => ({ selector, message: said(message).message }))

export default [
  ...neostandard({
    ts: true,
    ignores: ['**/node_modules/**', '**/generated/**', '**/.tap/**', '**/.local/**', '**/.turbo/**']
  }),
  {
    files: ['**/*.ts', '**/*.js'],
    plugins: { 'import-x': importX },
    settings: { 'import-x/resolver': { node: { extensions: ['.ts', '.js'] } }, 'import-x/extensions': ['.ts', '.js'] },
    rules: { 'import-x/no-cycle': 'error' }
  },
  {
    files: ['**/*.ts'],
    rules: {
      'no-restricted-syntax': ['error', ...forbidden],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/ban-ts-comment': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      // A schema and its type share one name; the compiler finds true redeclarations.
      '@typescript-eslint/no-redeclare': 'off',
      'no-void': ['error', { allowAsStatement: true }],
      'max-lines': ['error', { max: 200, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 50, skipBlankLines: true, skipComments: true }],
      complexity: ['error', 8],
      'max-depth': ['error', 3],
      'max-params': ['error', 3]
    }
  },
  {
    files: ['**/*.test.ts', 'packages/testkit/**/*.ts', 'test/**/*.ts'],
    rules: { 'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }] }
  },
  { files: ['**/*.test.ts'], rules: { 'max-lines-per-function': 'off' } },
  { files: ['eslint.config.js', '**/prisma.config.ts'], rules: { 'no-restricted-syntax': 'off' } }
]
