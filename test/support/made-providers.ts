/** What every provider, and the fetcher, was made with, by class; emptied by whoever looks. */
export const made: Record<string, unknown> = {}

type Module = Record<string, unknown>
type Class = new (options: unknown) => object

/** For `vi.mock`: the module as it is, but that its class notes what it is made with. */
export async function noting(name: string, importOriginal: () => Promise<unknown>): Promise<Module> {
  const original = (await importOriginal()) as Module
  const Original = original[name] as Class
  const Noting = class extends Original {
    constructor(options: unknown) {
      super(options)
      made[name] = options
    }
  }
  return { ...original, [name]: Noting }
}

export function forgetMade(): void {
  for (const name of Object.keys(made)) delete made[name]
}
