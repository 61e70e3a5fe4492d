import { createHash } from 'node:crypto'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './etcd-run.js'

/** Somewhere that etcd can be downloaded from. */
export interface EtcdSource {
  readonly name: string
  /** Works in an empty folder of its own, and resolves to the folder in it that holds etcd and etcdctl. */
  fetch(work: string): Promise<string>
}

const packages = ['etcd-server', 'etcd-client']
const downloadMs = 120_000

/** The packages of Debian and Ubuntu, unpacked and not installed: nothing outside `work` is written. */
export const aptSource: EtcdSource = {
  name: 'Debian packages',
  async fetch(work) {
    const options = await aptOptions(work)
    if (!(await aptKnows(options))) {
      // Own lists: a fresh container has none, and refreshing the system's would need root and change it.
      options.push('-o', `Dir::State::lists=${join(work, 'lists')}`)
      await apt('apt-get', ['update', ...options], work)
      if (!(await aptKnows(options))) throw new Error(`apt knows no package ${packages.join(' and ')}`)
    }
    await apt('apt-get', ['download', ...options, ...packages], work)
    const archives = (await readdir(work)).filter((name) => name.endsWith('.deb'))
    for (const archive of archives) {
      await run('dpkg', ['-x', join(work, archive), join(work, 'unpacked')], { timeoutMs: 30_000 })
    }
    return join(work, 'unpacked', 'usr', 'bin')
  },
}

/** Keeps apt's own cache and its hooks out: those of container images empty the system's package cache. */
async function aptOptions(work: string): Promise<string[]> {
  for (const folder of ['lists/partial', 'cache/archives/partial']) {
    await mkdir(join(work, folder), { recursive: true })
  }
  const hooks = ['Pre-Invoke', 'Post-Invoke', 'Post-Invoke-Success']
  const configFile = join(work, 'apt.conf')
  await writeFile(configFile, hooks.map((hook) => `#clear APT::Update::${hook};\n`).join(''))
  return ['-q', '-c', configFile, '-o', `Dir::Cache=${join(work, 'cache')}`]
}

async function aptKnows(options: readonly string[]): Promise<boolean> {
  const policy = await apt('apt-cache', ['policy', ...options, ...packages])
  const candidates = policy.match(/^ *Candidate: \d/gm) ?? []
  return candidates.length === packages.length
}

function apt(command: string, args: readonly string[], cwd?: string): Promise<string> {
  const env = { ...process.env, LC_ALL: 'C' }
  return run(command, args, { timeoutMs: downloadMs, env, ...(cwd ? { cwd } : {}) })
}

const releases = 'https://github.com/etcd-io/etcd/releases/download'
const architectures: Record<string, string> = { x64: 'amd64', arm64: 'arm64' }

/** The archive that the makers of etcd publish for Linux. */
export function releaseSource(version = 'v3.5.24', baseUrl = releases): EtcdSource {
  return {
    name: `release ${version}`,
    async fetch(work) {
      const architecture = architectures[process.arch]
      if (process.platform !== 'linux' || !architecture) {
        throw new Error(`not used on ${process.platform} ${process.arch}`)
      }
      const archive = `etcd-${version}-linux-${architecture}.tar.gz`
      const [sums, content] = await Promise.all(
        ['SHA256SUMS', archive].map((file) => download(`${baseUrl}/${version}/${file}`)),
      )
      verifySum(archive, content!, sums!)
      await writeFile(join(work, archive), content!)
      await run('tar', ['-xzf', archive, '--strip-components=1'], { timeoutMs: 30_000, cwd: work })
      return work
    },
  }
}

async function download(url: string): Promise<Buffer> {
  const response = await fetch(url, { signal: AbortSignal.timeout(downloadMs) })
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  return Buffer.from(await response.arrayBuffer())
}

/**
 * Compares an archive with the sum published beside it. Both come from the same place, so this guards against
 * a damaged download only, not against a forged release: that takes a sum written down here, from a trusted
 * copy.
 */
function verifySum(archive: string, content: Buffer, sums: Buffer): void {
  const lines = sums.toString('utf8').split('\n')
  const published = lines.map((line) => line.trim().split(/\s+/)).find(([, name]) => name === archive)?.[0]
  if (!published) throw new Error(`SHA256SUMS does not name ${archive}`)
  const actual = createHash('sha256').update(content).digest('hex')
  if (actual !== published)
    throw new Error(`${archive} is damaged: its SHA-256 is ${actual}, not ${published}`)
}
