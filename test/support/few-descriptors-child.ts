import { createProxy, type ProviderConfig, type ProxyOptions } from 'switchover'

/** What its parent asks for. */
export interface FewDescriptorsOrder {
  readonly config: ProviderConfig
  readonly limits: NonNullable<ProxyOptions['limits']>
}

/** What this process, which may have few descriptors, tells of its proxy. */
export type FewDescriptorsWord =
  | { readonly is: 'listening'; readonly port: number }
  | { readonly is: 'serverDown'; readonly reason: string }
  | { readonly is: 'failed'; readonly code: string; readonly client: string }

const tell = (word: FewDescriptorsWord) => void process.send?.(word)

process.once('message', async ({ config, limits }: FewDescriptorsOrder) => {
  const proxy = createProxy({ config, limits })
  proxy.on('serverDown', ({ reason }) => tell({ is: 'serverDown', reason }))
  proxy.on('requestFailed', ({ error, clientAddress }) =>
    tell({ is: 'failed', code: error.code, client: clientAddress }),
  )
  await proxy.ready()
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  tell({ is: 'listening', port })
})
