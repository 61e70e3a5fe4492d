import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { profileArguments } from './child.js'
import { pinned } from './cores.js'

/** A process of the bench that listens: a proxy, or the origin behind it. */
export interface Subject {
  readonly port: number
  readonly pid: number
  stop(): Promise<void>
}

export interface SubjectOptions {
  readonly place?: 'proxy' | 'rest'
  readonly env?: Readonly<Record<string, string>>
  readonly profiled?: boolean
}

/** Starts one of the files in `subjects`, and waits until it listens. */
export async function startSubject(
  name: string,
  originPort = 0,
  options: SubjectOptions = {},
): Promise<Subject> {
  const file = fileURLToPath(new URL(`../subjects/${name}.mjs`, import.meta.url))
  const profile = options.profiled ? profileArguments() : []
  const node = pinned(options.place ?? 'proxy', [process.execPath, ...profile])
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
  return { port, pid: child.pid as number, stop: () => stop(child, () => child.disconnect()) }
}

const NGINX = (port: number, originPort: number, folder: string) => `
daemon off; master_process off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/log crit;
events { worker_connections 20000; }
http {
  access_log off; client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder}; scgi_temp_path ${folder}; keepalive_requests 100000000; client_max_body_size 0;
  upstream origin { server 127.0.0.1:${originPort}; keepalive 128; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_request_buffering off; proxy_buffering off;
    }
  }
}`

/** nginx as a proxy, one worker, if it is installed. */
export async function startNginx(originPort: number): Promise<Subject> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-nginx-'))
  const port = await freePort()
  const file = join(folder, 'nginx.conf')
  writeFileSync(file, NGINX(port, originPort, folder))
  const [command, ...args] = pinned('proxy', ['nginx', '-c', file, '-p', folder])
  const child = spawn(command as string, args, { stdio: 'ignore' })
  await untilListening(port)
  const end = async () => {
    await stop(child, () => child.kill('SIGTERM'))
    rmSync(folder, { recursive: true, force: true })
  }
  return { port, pid: child.pid as number, stop: end }
}

async function stop(child: ChildProcess, ask: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  ask()
  const limit = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await exited
  clearTimeout(limit)
}

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net')
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

async function untilListening(port: number): Promise<void> {
  const limit = performance.now() + 10_000
  while (performance.now() < limit) {
    const socket = connect(port, '127.0.0.1')
    const open = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false)
    socket.destroy()
    if (open) return
  }
  throw new Error(`nothing listens on ${port} after 10 s`)
}

/** Resident memory of a process in MiB, as Linux tells it. */
export function residentMiB(pid: number): number {
  const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kib) / 1024
}
