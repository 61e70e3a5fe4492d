import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Place, pinned } from './cores.js'
import { endProcess, type Subject } from './running-subject.js'

/** A proxy of the system's, told to use one core. */
interface SystemProxy {
  /** Makes it say its version. */
  readonly version: readonly string[]
  /** Its configuration, by the file's name. */
  readonly files: (port: number, originPort: number, folder: string) => Readonly<Record<string, string>>
  /** Its arguments, with the folder of its files. */
  readonly args: (folder: string) => readonly string[]
}

const nginx = (folder: string, server: string) => `
daemon off; master_process off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/log crit;
events { worker_connections 20000; }
http {
  access_log off; client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder}; scgi_temp_path ${folder}; keepalive_requests 100000000; keepalive_timeout 600;
  client_max_body_size 0;
  ${server}
}`

const nginxProxy = (port: number, originPort: number) => `
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  upstream origin { server 127.0.0.1:${originPort}; keepalive 128; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://origin; proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_request_buffering off; proxy_buffering off;
    }
  }`

const HAPROXY = (port: number, originPort: number) => `
global
  nbthread 1
  maxconn 8000
defaults
  mode http
  timeout connect 10s
  timeout client 600s
  timeout server 600s
  timeout tunnel 600s
  option forwardfor
  http-reuse always
frontend front
  bind 127.0.0.1:${port}
  default_backend back
backend back
  server one 127.0.0.1:${originPort}
`

const CADDY = (port: number, originPort: number) => `
{
  admin off
  auto_https off
}
http://:${port} {
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:${originPort}
}
`

const TRAEFIK_STATIC = (port: number, folder: string) => `
[entryPoints.front]
address = "127.0.0.1:${port}"
[providers.file]
filename = "${folder}/routes.toml"
`

const TRAEFIK_ROUTES = (originPort: number) => `
[http.routers.all]
rule = "PathPrefix(\`/\`)"
service = "one"
[http.services.one.loadBalancer]
[[http.services.one.loadBalancer.servers]]
url = "http://127.0.0.1:${originPort}"
`

const TABLE: Readonly<Record<string, SystemProxy>> = {
  nginx: {
    version: ['-v'],
    files: (port, originPort, folder) => ({ 'nginx.conf': nginx(folder, nginxProxy(port, originPort)) }),
    args: (folder) => ['-c', `${folder}/nginx.conf`, '-p', folder],
  },
  haproxy: {
    version: ['-v'],
    files: (port, originPort) => ({ 'haproxy.cfg': HAPROXY(port, originPort) }),
    args: (folder) => ['-db', '-f', `${folder}/haproxy.cfg`],
  },
  caddy: {
    version: ['version'],
    files: (port, originPort) => ({ Caddyfile: CADDY(port, originPort) }),
    args: (folder) => ['run', '--config', `${folder}/Caddyfile`, '--adapter', 'caddyfile'],
  },
  traefik: {
    version: ['version'],
    files: (port, originPort, folder) => ({
      'traefik.toml': TRAEFIK_STATIC(port, folder),
      'routes.toml': TRAEFIK_ROUTES(originPort),
    }),
    args: (folder) => [`--configFile=${folder}/traefik.toml`],
  },
}

/** What is installed, each with what it says of its version. */
const installed = new Map<string, string>()
for (const [name, { version }] of Object.entries(TABLE)) {
  try {
    // nginx says it on its other output.
    const said = execFileSync('sh', ['-c', '"$0" "$@" 2>&1', name, ...version], { encoding: 'utf8' })
    installed.set(name, /v?\d+\.\d+\.\d+\S*/.exec(said)?.[0] ?? said.trim())
  } catch {
    // It is not there, and is left out.
  }
}

/** Names of those that are installed. */
export function systemProxies(): readonly string[] {
  return [...installed.keys()]
}

/** Their versions, by name. */
export function systemVersions(): ReadonlyMap<string, string> {
  return installed
}

export function startSystemProxy(name: string, originPort: number): Promise<Subject> {
  const { files, args } = TABLE[name] as SystemProxy
  return run(name, 'proxy', args, (port, folder) => files(port, originPort, folder))
}

/** nginx as a server: 11 bytes, and 1 MiB at `/large`. */
export function startSystemOrigin(): Promise<Subject> {
  const { args } = TABLE['nginx'] as SystemProxy
  return run('nginx', 'rest', args, (port, folder) => ({
    large: 'x'.repeat(1 << 20),
    'nginx.conf': nginx(
      folder,
      `server {
        listen 127.0.0.1:${port}; default_type text/plain;
        location / { return 200 "hello world"; }
        location = /large { alias ${folder}/large; }
      }`,
    ),
  }))
}

async function run(
  name: string,
  place: Place,
  args: SystemProxy['args'],
  filesFor: (port: number, folder: string) => Readonly<Record<string, string>>,
): Promise<Subject> {
  const folder = mkdtempSync(join(tmpdir(), `bench-${name}-`))
  const port = await freePort()
  for (const [file, text] of Object.entries(filesFor(port, folder))) writeFileSync(join(folder, file), text)
  const [command, ...rest] = pinned(place, [name, ...args(folder)])
  const env = {
    ...process.env,
    HOME: folder,
    XDG_CONFIG_HOME: folder,
    XDG_DATA_HOME: folder,
    GOMAXPROCS: '1',
  }
  const child = spawn(command as string, rest, { stdio: ['ignore', 'ignore', 'pipe'], env })
  // They know nothing of us, and would go on if the bench ended in the middle.
  const kill = () => child.kill('SIGKILL')
  process.on('exit', kill)
  let said = ''
  child.stderr?.on('data', (chunk) => {
    if (said.length < 2_000) said += chunk
  })
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${name} ended before it listened (${code}): ${said}`)
  })
  await Promise.race([untilListening(port), ended])
  ended.catch(() => {})
  const stop = async () => {
    await endProcess(child, () => child.kill('SIGTERM'))
    process.off('exit', kill)
    rmSync(folder, { recursive: true, force: true })
  }
  return { port, pid: child.pid as number, stop }
}

async function freePort(): Promise<number> {
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
    const open = await new Promise<boolean>((resolve) => {
      socket.on('connect', () => resolve(true))
      socket.on('error', () => resolve(false))
    })
    socket.destroy()
    if (open) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`nothing listens on ${port} after 10 s`)
}
