import { parentPort, workerData } from 'node:worker_threads'
import { parseToml } from './parse-toml.js'
import { parseYaml } from './parse-yaml.js'

/** This file is the program of a worker thread that parses one YAML or TOML document. `parse-in-thread.ts` starts the thread. */
const { bytes, format, limits } = workerData
const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
try {
  const onPart = (place, entries) => parentPort.postMessage({ place, entries })
  const parsed =
    format === 'yaml' ? await parseYaml(text, limits, onPart) : { document: await parseToml(text, limits) }
  parentPort.postMessage(parsed)
} catch (error) {
  const { message, code, line, column } = error
  parentPort.postMessage({ failure: { message: String(message), code, line, column } })
}
