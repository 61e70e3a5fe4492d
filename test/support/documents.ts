import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** A folder of its own with files in it, by their names. */
export async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'command-line-'))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  return folder
}

/** A document of one frontend, as Traefik's users write it. */
export function rules(url: string, rule = 'PathPrefix:/', version = 'one'): string {
  return `version = "${version}"
[backends.web.servers.one]
url = "${url}"
[frontends.web]
backend = "web"
  [frontends.web.routes.main]
  rule = "${rule}"
`
}
