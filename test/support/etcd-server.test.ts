import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { findEtcd } from './etcd-binaries.js'
import { call } from './etcd-gateway.js'
import * as ports from './etcd-ports.js'
import { EtcdServer } from './etcd-server.js'

vi.mock('./etcd-ports.js', { spy: true })

let etcd: EtcdServer

beforeAll(async () => {
  await findEtcd() // may have to be downloaded
}, 300_000)

beforeAll(async () => {
  etcd = await EtcdServer.start()
})

afterAll(() => etcd?.stop())

test('puts, gets and deletes', async () => {
  const first = await etcd.put('/greeting', 'grüß Gott')
  expect(await etcd.put('/empty', '')).toBe(first + 1)
  expect(await etcd.get('/greeting')).toBe('grüß Gott')
  expect(await etcd.get('/empty')).toBe('')
  expect(await etcd.delete('/greeting')).toBe(true)
  expect(await etcd.delete('/greeting')).toBe(false)
  expect(await etcd.get('/greeting')).toBeUndefined()
})

test('runs etcdctl, whatever the environment says', async () => {
  vi.stubEnv('ETCDCTL_ENDPOINTS', 'http://127.0.0.1:1')
  try {
    await etcd.etcdctl('put', '/from/etcdctl', 'yes')
    expect(await etcd.get('/from/etcdctl')).toBe('yes')
    await expect(etcd.etcdctl('no-such-command')).rejects.toThrow('etcdctl failed')
  } finally {
    vi.unstubAllEnvs()
  }
})

test('is killed and restarted on its data and ports', async () => {
  await etcd.put('/kept', '1')
  const { pid, port } = etcd
  await etcd.kill()
  expect(() => etcd.pid).toThrow('etcd is not running')
  await expect(etcd.get('/kept')).rejects.toThrow('ECONNREFUSED')
  await etcd.restart()
  expect(etcd.port).toBe(port)
  expect(etcd.pid).not.toBe(pid)
  expect(await etcd.get('/kept')).toBe('1')
})

test('is restarted while it runs', async () => {
  const { pid } = etcd
  await etcd.put('/kept', '2')
  await etcd.restart()
  expect(etcd.pid).not.toBe(pid)
  expect(await etcd.get('/kept')).toBe('2')
})

test('answers nobody while it is paused, and goes on where it was', async () => {
  const { pid } = etcd
  await etcd.pause()
  await expect(call(etcd.port, '/v3/kv/range', { key: 'YQ==' }, 200)).rejects.toThrow(
    'no answer within 200 ms',
  )
  etcd.resume()
  expect(await etcd.put('/after/pause', '1')).toBeGreaterThan(0)
  expect(etcd.pid).toBe(pid)
})

test('stops while it is paused, and leaves nothing', async () => {
  const temporary = await mkdtemp(join(tmpdir(), 'etcd-server-test-'))
  vi.stubEnv('TMPDIR', temporary)
  try {
    const server = await EtcdServer.start()
    expect(await readdir(temporary)).toHaveLength(1)
    await server.pause()
    await Promise.all([server.stop(), server.stop()])
    expect(await readdir(temporary)).toEqual([])
    await expect(server.get('/a')).rejects.toThrow('ECONNREFUSED')
    await expect(server.restart()).rejects.toThrow('was stopped')
  } finally {
    vi.unstubAllEnvs()
    await rm(temporary, { recursive: true, force: true })
  }
})

test('keeps a data folder that it was given, for the next one', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'etcd-server-test-'))
  try {
    const first = await EtcdServer.start({ dataDir })
    await first.put('/a', 'b')
    await first.stop()
    await using second = await EtcdServer.start({ dataDir })
    expect(await second.get('/a')).toBe('b')
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
})

test('takes other ports if the chosen ones were taken meanwhile', async () => {
  vi.mocked(ports.freePorts).mockClear()
  vi.mocked(ports.freePorts).mockResolvedValueOnce([etcd.port, etcd.port + 1])
  await using other = await EtcdServer.start()
  expect(other.port).not.toBe(etcd.port)
  expect(ports.freePorts).toHaveBeenCalledTimes(2)
})

test('fails with the last words of etcd', async () => {
  await expect(EtcdServer.start({ args: ['--no-such-flag'] })).rejects.toThrow(
    /^etcd exited before it was ready. It said last:\n.*no-such-flag/s,
  )
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  await expect(EtcdServer.start({ clientPort: port })).rejects.toThrow('address already in use')
  taken.close()
})

test('does not outlive a test process that is killed, even while it is paused', async () => {
  const script = `
    import { EtcdServer } from ${JSON.stringify(new URL('./etcd-server.ts', import.meta.url).href)}
    const server = await EtcdServer.start()
    await server.pause()
    console.log(server.port)`
  const args = ['--import', 'tsx', '--input-type=module', '--eval', script]
  const parent = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const [printed] = (await once(parent.stdout, 'data')) as [Buffer]
    // The kernel closes the connection when etcd is gone; a paused one does not close it itself.
    const socket = connect(Number(printed.toString()), '127.0.0.1').resume()
    socket.on('error', () => {})
    const closed = new Promise((resolve) => socket.on('close', resolve))
    await once(socket, 'connect')
    parent.kill('SIGKILL')
    await closed
  } finally {
    parent.kill('SIGKILL')
  }
})
