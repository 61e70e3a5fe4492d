import { origin } from './serve.mjs'

/** How the backend is balanced and watched. */
const backend = JSON.parse(process.env.SUBJECT_BACKEND ?? '{}')

/** One frontend in so many answers; the others have hosts of their own, another one in each version. */
export function configFor(frontends, version = 0) {
  const others = Array.from({ length: frontends - 1 }, (_, index) => [
    `other-${index}`,
    { backend: 'all', rule: `Host:shop-${index}-${version}.example.com;ClientIP:127.0.0.0/8` },
  ])
  return {
    frontends: {
      ...Object.fromEntries(others),
      local: { backend: 'all', rule: 'Host:127.0.0.1;ClientIP:127.0.0.0/8,::1' },
    },
    backends: { all: { servers: { one: { url: origin }, two: { url: origin } }, ...backend } },
  }
}
