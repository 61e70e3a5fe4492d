import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generate } from 'selfsigned'
import type { EtcdTlsFiles } from './etcd-server.js'

const DAY_MS = 86_400_000

/** A certificate and its key, as PEM texts. */
export interface Identity {
  readonly cert: string
  readonly key: string
}

/** What a certificate says. */
export interface Claims {
  /** The names and addresses that it is for. */
  readonly dns?: readonly string[]
  readonly ips?: readonly string[]
  /** From when to when it is valid, in days from now. */
  readonly fromDays?: number
  readonly toDays?: number
}

/** Signs certificates. */
export class Authority {
  readonly #own: Identity

  private constructor(own: Identity) {
    this.#own = own
  }

  static create(name: string): Promise<Authority> {
    return Authority.#make(name)
  }

  static async #make(name: string, ca?: Identity): Promise<Authority> {
    const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
      keyType: 'ec',
      algorithm: 'sha256',
      notBeforeDate: new Date(Date.now() - DAY_MS),
      ...(ca && { ca }),
      extensions: [
        { name: 'basicConstraints', cA: true, critical: true },
        { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
      ],
    })
    return new Authority({ cert, key })
  }

  /** An authority of its own, under this one. */
  signAuthority(name: string): Promise<Authority> {
    return Authority.#make(name, this.#own)
  }

  /** Its own certificate. */
  get cert(): string {
    return this.#own.cert
  }

  /** Its own key. */
  get key(): string {
    return this.#own.key
  }

  /** For a server and for a client alike. */
  async sign(claims: Claims = {}): Promise<Identity> {
    const { dns = ['localhost'], ips = ['127.0.0.1'], fromDays = -1, toDays = 1 } = claims
    const { cert, private: key } = await generate([{ name: 'commonName', value: 'etcd' }], {
      keyType: 'ec',
      algorithm: 'sha256',
      notBeforeDate: new Date(Date.now() + fromDays * DAY_MS),
      notAfterDate: new Date(Date.now() + toDays * DAY_MS),
      ca: this.#own,
      extensions: [
        { name: 'basicConstraints', cA: false },
        { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
        {
          name: 'subjectAltName',
          altNames: [
            ...dns.map((value) => ({ type: 2 as const, value })),
            ...ips.map((ip) => ({ type: 7 as const, ip })),
          ],
        },
      ],
    })
    return { cert, key }
  }
}

/** The files that an etcd serves with: its identity can be replaced while it runs. */
export class TlsFolder implements AsyncDisposable {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async create(): Promise<TlsFolder> {
    return new TlsFolder(await mkdtemp(join(tmpdir(), 'switchover-tls-')))
  }

  /** @param clientAuthority whose certificates clients must have, if they must have one */
  async files(identity: Identity, clientAuthority?: Authority): Promise<EtcdTlsFiles> {
    await this.replace(identity)
    const files = { certFile: this.#path('cert'), keyFile: this.#path('key') }
    if (!clientAuthority) return files
    await writeFile(this.#path('clients'), clientAuthority.cert)
    return { ...files, clientCaFile: this.#path('clients') }
  }

  async replace({ cert, key }: Identity): Promise<void> {
    await writeFile(this.#path('cert'), cert)
    await writeFile(this.#path('key'), key)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true })
  }

  #path(name: string): string {
    return join(this.#folder, `${name}.pem`)
  }
}
