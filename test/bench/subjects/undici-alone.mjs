// What starting costs anybody who speaks HTTP by undici: nothing is done but to import it.
import { createRequire } from 'node:module'

createRequire(new URL('../../../package.json', import.meta.url))('undici')
process.send?.({ port: 0 })
process.on('disconnect', () => process.exit())
