import { maskMalformedUrl } from '../base/credentials.js'
import { describeValue, pathOf, quote } from '../base/messages.js'
import { suggestName } from '../base/nearest-name.js'
import { nullRecord, present } from '../base/records.js'
import { TOKEN } from '../base/token.js'
import type {
  Backend,
  Buffering,
  CircuitBreakerConfig,
  LoadBalancer,
  MaxConn,
  OutlierDetectionConfig,
  QueueConfig,
  Server,
  Stickiness,
  StrictDnsConfig,
} from '../model/config.js'
import { parseCircuitExpression } from '../rules/circuit-expression.js'
import {
  BACKEND,
  BUFFERING,
  CIRCUIT_BREAKER,
  LOAD_BALANCER,
  MAX_CONN,
  OUTLIER_DETECTION,
  QUEUE,
  SERVER,
  STICKINESS,
  STRICT_DNS,
} from './document-shapes.js'
import { type FieldChecker, isWhole } from './field-checker.js'
import { checkHealthCheck } from './health-check-checker.js'
import { parseServerUrl } from './server-url.js'

/** The greatest weight of a server. Beyond it, sums of weights lose the small ones, and servers get wrong shares. */
const MAX_WEIGHT = 1_000_000

/** Checks the backends of a document of any shape. It copies what is right and notes what is wrong. */
export class BackendChecker {
  readonly #fields: FieldChecker
  readonly #methods: readonly string[]

  constructor(fields: FieldChecker, strategies: ReadonlyMap<string, unknown>) {
    this.#fields = fields
    this.#methods = [...strategies.keys()]
  }

  check(value: unknown, path: string): Backend {
    const fields = this.#fields.object(value, path, BACKEND)
    const servers = nullRecord<Server>()
    if (!fields) return { servers }
    for (const entry of this.#fields.names(fields['servers'], `${path}.servers`)) {
      if (!entry) continue
      const [name, server] = entry
      servers[name] = this.#server(server, pathOf(`${path}.servers`, name))
    }
    return present({
      servers,
      loadBalancer: this.#loadBalancer(fields['loadBalancer'], `${path}.loadBalancer`),
      buffering: this.#buffering(fields['buffering'], `${path}.buffering`),
      healthCheck: checkHealthCheck(this.#fields, fields['healthCheck'], `${path}.healthCheck`),
      outlierDetection: this.#outlierDetection(fields['outlierDetection'], `${path}.outlierDetection`),
      slowStart: this.#fields.duration(fields['slowStart'], `${path}.slowStart`),
      circuitBreaker: this.#circuitBreaker(fields['circuitBreaker'], `${path}.circuitBreaker`),
      maxConn: this.#maxConn(fields['maxConn'], `${path}.maxConn`),
      queue: this.#queue(fields['queue'], `${path}.queue`),
      strictDns: this.#strictDns(fields['strictDns'], `${path}.strictDns`),
    })
  }

  #server(value: unknown, path: string): Server {
    const fields = this.#fields.object(value, path, SERVER)
    if (!fields) return { url: '' }
    if (fields['url'] === undefined)
      this.#fields.note(`${path}.url`, 'MISSING_FIELD', 'expected a URL, found nothing')
    return present({
      url: this.#url(fields['url'], `${path}.url`),
      weight: this.#weight(fields['weight'], `${path}.weight`),
      maxConnections: this.#fields.count(fields['maxConnections'], `${path}.maxConnections`),
    })
  }

  #url(value: unknown, path: string): string {
    const text = this.#fields.text(value, path)
    if (text === undefined) return ''
    const { flaw } = parseServerUrl(text)
    if (flaw) this.#fields.note(path, 'INVALID_URL', `${quote(maskMalformedUrl(text))} ${flaw}`)
    return text
  }

  #weight(value: unknown, path: string): number | undefined {
    if (value === undefined) return undefined
    if (typeof value === 'number' && value >= 0 && value <= MAX_WEIGHT) return value
    const code = typeof value === 'number' ? 'INVALID_VALUE' : 'INVALID_TYPE'
    this.#fields.note(path, code, `expected a number from 0 to ${MAX_WEIGHT}, found ${describeValue(value)}`)
    return undefined
  }

  #loadBalancer(value: unknown, path: string): LoadBalancer | undefined {
    if (value === undefined) return undefined
    const fields = this.#fields.object(value, path, LOAD_BALANCER)
    if (!fields) return {}
    const method = this.#fields.label(fields['method'], `${path}.method`)
    if (method !== undefined && !this.#methods.includes(method)) {
      const suggestion = suggestName(method, this.#methods)
      const message = `there is no strategy ${quote(method)}${suggestion}`
      this.#fields.note(`${path}.method`, 'INVALID_VALUE', message)
    }
    return present({
      method,
      hashBy: this.#hashBy(fields['hashBy'], `${path}.hashBy`),
      stickiness: this.#stickiness(fields['stickiness'], `${path}.stickiness`),
      sticky: this.#fields.flag(fields['sticky'], `${path}.sticky`),
    })
  }

  #stickiness(value: unknown, path: string): Stickiness | undefined {
    if (value === undefined) return undefined
    const fields = this.#fields.object(value, path, STICKINESS)
    if (!fields) return undefined
    const cookieName = this.#fields.label(fields['cookieName'], `${path}.cookieName`)
    if (cookieName !== undefined && !TOKEN.test(cookieName)) {
      const message = `expected the name of a cookie (RFC 6265, 4.1.1), found ${quote(cookieName)}`
      this.#fields.note(`${path}.cookieName`, 'INVALID_VALUE', message)
    }
    return present({
      cookieName,
      secure: this.#fields.flag(fields['secure'], `${path}.secure`),
      httpOnly: this.#fields.flag(fields['httpOnly'], `${path}.httpOnly`),
      sameSite: this.#fields.oneOf(fields['sameSite'], `${path}.sameSite`, [
        'none',
        'lax',
        'strict',
      ] as const),
    })
  }

  #hashBy(value: unknown, path: string): string | undefined {
    const text = this.#fields.label(value, path)
    if (text === undefined || /^(clientIp|path|header:.+|cookie:.+)$/.test(text)) return text
    const expected = 'expected clientIp, path, header:NAME or cookie:NAME'
    this.#fields.note(path, 'INVALID_VALUE', `${expected}, found ${quote(text)}`)
    return undefined
  }

  #buffering(value: unknown, path: string): Buffering | undefined {
    if (value === undefined) return undefined
    const at = `${path}.maxRequestBodyBytes`
    const bytes = this.#fields.wholeNumber(
      this.#fields.object(value, path, BUFFERING)?.['maxRequestBodyBytes'],
      at,
    )
    return present({ maxRequestBodyBytes: bytes })
  }

  #outlierDetection(value: unknown, path: string): OutlierDetectionConfig | undefined {
    if (value === undefined) return undefined
    const fields = this.#fields.object(value, path, OUTLIER_DETECTION)
    if (!fields) return undefined
    const at = (name: string) => `${path}.${name}`
    const share = (name: string) =>
      this.#fields.number(fields[name], at(name), 'a share from 0 to 1', (given) => given >= 0 && given <= 1)
    return present({
      consecutiveFailures: this.#fields.count(fields['consecutiveFailures'], at('consecutiveFailures')),
      failureShare: share('failureShare'),
      minimumRequests: this.#fields.count(fields['minimumRequests'], at('minimumRequests')),
      interval: this.#fields.duration(fields['interval'], at('interval')),
      ejectionTime: this.#fields.duration(fields['ejectionTime'], at('ejectionTime')),
      maxEjectionTime: this.#fields.duration(fields['maxEjectionTime'], at('maxEjectionTime')),
      maxEjectedShare: share('maxEjectedShare'),
    })
  }

  #circuitBreaker(value: unknown, path: string): CircuitBreakerConfig | undefined {
    if (value === undefined) return undefined
    const fields = this.#fields.object(value, path, CIRCUIT_BREAKER)
    if (!fields) return undefined
    const at = `${path}.expression`
    const expression = this.#fields.text(fields['expression'], at) ?? ''
    const parsed = parseCircuitExpression(expression)
    if (fields['expression'] === undefined)
      this.#fields.note(
        at,
        'MISSING_FIELD',
        'expected an expression, like NetworkErrorRatio() > 0.5, found nothing',
      )
    else if (typeof parsed === 'string') this.#fields.note(at, 'INVALID_VALUE', parsed)
    const duration = (name: string) => this.#fields.duration(fields[name], `${path}.${name}`)
    return present({
      expression,
      fallbackDuration: duration('fallbackDuration'),
      recoveryDuration: duration('recoveryDuration'),
    })
  }

  #strictDns(value: unknown, path: string): StrictDnsConfig | undefined {
    if (value === undefined) return undefined
    const fields = this.#fields.object(value, path, STRICT_DNS)
    return fields && present({ interval: this.#fields.duration(fields['interval'], `${path}.interval`) })
  }

  #maxConn(value: unknown, path: string): MaxConn | undefined {
    if (value === undefined) return undefined
    const fields = this.#fields.object(value, path, MAX_CONN)
    if (!fields) return undefined
    if (fields['amount'] === undefined)
      this.#fields.note(
        `${path}.amount`,
        'MISSING_FIELD',
        'expected a whole number of 1 or more, found nothing',
      )
    const extractorFunc = this.#fields.label(fields['extractorFunc'], `${path}.extractorFunc`)
    if (
      extractorFunc !== undefined &&
      !/^(request\.host|client\.ip|request\.header\..+)$/.test(extractorFunc)
    ) {
      const expected = 'expected request.host, client.ip or request.header.NAME'
      this.#fields.note(
        `${path}.extractorFunc`,
        'INVALID_VALUE',
        `${expected}, found ${quote(extractorFunc)}`,
      )
    }
    return present({ amount: this.#fields.count(fields['amount'], `${path}.amount`) ?? 1, extractorFunc })
  }

  #queue(value: unknown, path: string): QueueConfig | undefined {
    if (value === undefined) return undefined
    const fields = this.#fields.object(value, path, QUEUE)
    if (!fields) return undefined
    const isSize = (given: number) => isWhole(given, 0, 1_000_000)
    return present({
      size: this.#fields.number(fields['size'], `${path}.size`, 'a whole number from 0 to 1000000', isSize),
      timeout: this.#fields.duration(fields['timeout'], `${path}.timeout`),
    })
  }
}
