import { ProxyError } from 'switchover'
import { describe, expect, it } from 'vitest'
import { parseAliasValue } from '../../src/providers/alias-value.js'

function refusalOf(value: string, allowedPrefix?: string): string {
  try {
    parseAliasValue(value, allowedPrefix)
  } catch (error) {
    expect(error).toBeInstanceOf(ProxyError)
    expect((error as ProxyError).code).toBe('PROXY_ALIAS_INVALID')
    expect((error as ProxyError).source).toBe('config')
    return (error as ProxyError).message
  }
  throw new Error(`${JSON.stringify(value)} was accepted`)
}

describe('an alias value', () => {
  it.each([
    ['/traefik/dev/v2', '/traefik/dev/v2'],
    ['/traefik/dev/v2\n', '/traefik/dev/v2'],
    [' \t/traefik/dev/v2\r\n', '/traefik/dev/v2'],
    ['/traefik/dev/v2/', '/traefik/dev/v2'],
    ['/traefik/dev/v2/\n', '/traefik/dev/v2'],
    ['/', '/'],
    ['/with blank/ünïcode', '/with blank/ünïcode'],
    ['/a?b=c&d#e%2F', '/a?b=c&d#e%2F'],
    [`/${'x'.repeat(1023)}`, `/${'x'.repeat(1023)}`],
  ])('%j names the prefix %j', (value, prefix) => {
    expect(parseAliasValue(value)).toBe(prefix)
  })

  it.each([
    ['', 'is empty'],
    [' \n', 'is empty'],
    ['traefik/dev/v2', 'is not an absolute path'],
    ['http://api/v2', 'is not an absolute path'],
    ['/traefik/../etc', 'contains ".." or "//"'],
    ['/traefik/dev/..', 'contains ".." or "//"'],
    ['/traefik//dev', 'contains ".." or "//"'],
    ['//traefik', 'contains ".." or "//"'],
    ['/traefik/dev//', 'contains ".." or "//"'],
    ['//', 'contains ".." or "//"'],
    ['/traefik/\u0000dev', 'control character'],
    ['/traefik/dev\n/v2', 'control character'],
    ['/traefik/\u007fdev', 'control character'],
    ['/traefik/\u0085dev', 'control character'],
    ['/traefik/\uFFFDdev', 'not UTF-8'],
    [`/${'x'.repeat(1024)}`, 'longer than 1024 bytes'],
    [`/${'ü'.repeat(512)}`, 'longer than 1024 bytes'],
  ])('%j is refused: it %s', (value, reason) => {
    expect(refusalOf(value)).toContain(reason)
  })

  it('is quoted in the refusal, so that blanks and control characters show, but not at any length', () => {
    expect(refusalOf('traefik\u0007')).toContain('"traefik\\u0007"')
    expect(refusalOf('x'.repeat(1_000_000)).length).toBeLessThan(250)
  })
})

describe('an alias value under allowedPrefix', () => {
  it.each([
    ['/traefik/dev/v2', '/traefik/dev'],
    ['/traefik/dev', '/traefik/dev'],
    ['/traefik/dev/', '/traefik/dev'],
    ['/traefik/dev/v2', '/traefik/dev/'],
    ['/traefik/dev', '/traefik/dev/'],
    ['/anything', '/'],
  ])('%j stands below %j', (value, allowed) => {
    expect(parseAliasValue(value, allowed)).toBe(value.replace(/\/$/, ''))
  })

  it.each([
    ['/traefik/development', '/traefik/dev'],
    ['/traefik/dev2/v1', '/traefik/dev/'],
    ['/traefik', '/traefik/dev'],
    ['/traefik/qas/v1', '/traefik/dev'],
    ['/TRAEFIK/dev/v1', '/traefik/dev'],
  ])('%j does not stand below %j, whose segments are whole', (value, allowed) => {
    expect(refusalOf(value, allowed)).toContain(`is not below ${allowed}`)
  })
})
