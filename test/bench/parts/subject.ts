import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { profileArguments } from './child.js'
import { type Place, pinned } from './cores.js'
import { endProcess, type Subject } from './running-subject.js'
import { startSystemOrigin, startSystemProxy, systemProxies } from './system-proxies.js'

export interface SubjectOptions {
  readonly place?: Place
  readonly env?: Readonly<Record<string, string>>
  readonly profiled?: boolean
  /** The folder of the program that is started. Default: `subjects` of this bench. */
  readonly subjects?: string
}

/** What is compared with others. */
export const OURS = 'switchover'
/** Not proxies one could use: what Node allows, and what is left of that with undici behind it. */
export const LIMITS: readonly string[] = ['node-http', 'undici-loop']
/** Proxies for Node, from npm. */
export const PEERS: readonly string[] = ['http-proxy', 'http-proxy-3', 'httpxy', 'fast-proxy', 'reply-from']

/** Starts what is compared, by its name. */
export function startByName(name: string, originPort: number, env?: SubjectOptions['env']): Promise<Subject> {
  if (systemProxies().includes(name)) return startSystemProxy(name, originPort)
  return startSubject(name, originPort, { ...(env && { env }), profiled: name === OURS })
}

/** A server that answers at once: nginx if it is installed. Where it must read all that it is sent, one of our own. */
export function startOrigin(readsBodies = false): Promise<Subject> {
  if (!readsBodies && systemProxies().includes('nginx')) return startSystemOrigin()
  return startSubject('origin', 0, { place: 'rest' })
}

/** Starts one of the files in `subjects`, and waits until it listens. */
export async function startSubject(
  name: string,
  originPort = 0,
  options: SubjectOptions = {},
): Promise<Subject> {
  const { subjects = fileURLToPath(new URL('../subjects', import.meta.url)) } = options
  const file = join(subjects, `${name}.mjs`)
  const profile = options.profiled ? profileArguments() : []
  const node = pinned(options.place ?? 'proxy', [process.execPath, '--expose-gc', ...profile])
  const child = fork(file, [String(originPort)], {
    execPath: node[0] as string,
    execArgv: node.slice(1),
    env: { ...process.env, ...options.env },
  })
  const told = once(child, 'message') as Promise<[{ port: number }]>
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${name} ended before it listened (${code})`)
  })
  const [{ port }] = await Promise.race([told, ended])
  ended.catch(() => {})
  const ask = async <T>(question: string): Promise<T> => {
    const answer = once(child, 'message') as Promise<[T]>
    child.send(question)
    return (await answer)[0]
  }
  return { port, pid: child.pid as number, ask, stop: () => endProcess(child, () => child.disconnect()) }
}
