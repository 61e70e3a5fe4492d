// What starting costs anybody who speaks HTTP by undici: nothing is done but to import it.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

// The version that the library has, not one of a peer's.
const library = createRequire(new URL('../../../package.json', import.meta.url))
await import(pathToFileURL(library.resolve('undici')).href)
process.send?.({ port: 0 })
process.on('disconnect', () => process.exit())
