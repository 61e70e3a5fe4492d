import { readdir, readFile } from 'node:fs/promises'

/**
 * The folder of the dashboard's HTML, CSS and JavaScript files. It is next to this file, both in the sources and in the package.
 */
const FOLDER = new URL('./dashboard/', import.meta.url)

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
}

/** One file of the dashboard, with its content type. */
export interface DashboardFile {
  readonly type: string
  readonly body: Buffer
}

/** The dashboard's files. All of them are read from the disk at the first request for one of them. */
export class DashboardFiles {
  #files: Promise<ReadonlyMap<string, DashboardFile>> | undefined

  /**
   * Returns a file of the dashboard, or undefined if it does not exist.
   *
   * @param name the file name. The empty string stands for `index.html`.
   */
  async get(name: string): Promise<DashboardFile | undefined> {
    this.#files ??= readAll()
    return (await this.#files).get(name === '' ? 'index.html' : name)
  }
}

async function readAll(): Promise<ReadonlyMap<string, DashboardFile>> {
  const files = new Map<string, DashboardFile>()
  for (const name of await readdir(FOLDER)) {
    const type = TYPES[name.slice(name.lastIndexOf('.') + 1)]
    if (type !== undefined) files.set(name, { type, body: await readFile(new URL(name, FOLDER)) })
  }
  return files
}
