import { execFile } from 'node:child_process'

export interface RunOptions {
  /** How long the command may take before it is killed. */
  readonly timeoutMs: number
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
}

/**
 * Runs a command to its end and resolves to what it printed; the error of a failed one fits into a sentence.
 */
export function run(command: string, args: readonly string[], options: RunOptions): Promise<string> {
  const { timeoutMs, cwd, env = process.env } = options
  const settings = { cwd, env, timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 1 << 24 } as const
  return new Promise((resolve, reject) => {
    execFile(command, args, settings, (failure, stdout, stderr) => {
      if (!failure) resolve(stdout)
      else reject(new Error(`${command} ${explain(failure, stderr, timeoutMs)}`, { cause: failure }))
    })
  })
}

function explain(failure: Error, stderr: string, timeoutMs: number): string {
  const { code, killed } = failure as { code?: string | number | null; killed?: boolean }
  if (code === 'ENOENT') return 'is not installed'
  if (killed) return `took longer than ${timeoutMs / 1000} s`
  const line = stderr.trim().split('\n').at(-1)
  return line ? `failed: ${line}` : `failed (${code ?? failure.message})`
}

/**
 * The environment for etcd and etcdctl, without the caller's settings for either: both read every flag from
 * variables too, and etcdctl refuses one that is given both ways.
 */
export function etcdEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^ETCD(CTL)?_/.test(name))
  const env: NodeJS.ProcessEnv = { ...Object.fromEntries(kept), ETCDCTL_API: '3' }
  // etcd 3.4 starts on arm64 only if told to.
  if (process.arch === 'arm64') env['ETCD_UNSUPPORTED_ARCH'] = 'arm64'
  return env
}

/** The message of an error and of what caused it, for `fetch` hides the interesting half in the cause. */
export function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  const { cause } = thrown
  const hidden = cause instanceof Error && thrown instanceof TypeError
  return hidden ? `${thrown.message} (${cause.message})` : thrown.message
}
