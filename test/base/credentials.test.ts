import { describe, expect, it } from 'vitest'
import { maskCredentials, maskMalformedUrl, maskUrl } from '../../src/base/credentials.js'
import { cpuMsOf } from '../support/cpu-time.js'

describe('maskCredentials', () => {
  it.each([
    ['https://me:pass@etcd.test:2379/x', 'https://***@etcd.test:2379/x'],
    ['at http://token@a and http://b', 'at http://***@a and http://b'],
    ['test:$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/', 'test:***'],
    ['test:$2y$05$d/abc.DEF', 'test:***'],
    ['costs $5', 'costs $5'],
  ])('%s', (text, expected) => {
    expect(maskCredentials(text)).toBe(expected)
  })

  it('takes no longer for a long text that nearly matches', () => {
    const texts = ['a://'.repeat(50_000), 'Headers:'.repeat(20_000), `Headers:${'key'.repeat(50_000)}`]
    const ms = cpuMsOf(() => texts.forEach((text) => void maskCredentials(text)))
    expect(ms).toBeLessThan(5_000)
  })
})

describe('maskUrl', () => {
  it.each([
    ['http://api/config', 'http://api/config'],
    ['http://user:secret@api/config', 'http://***@api/config'],
    ['http://secret@api', 'http://***@api'],
    ['http://user:sec@ret@api/config', 'http://***@api/config'],
    ['http://user:secret@api?prefix=a@b', 'http://***@api?prefix=a@b'],
    ['http://api/config?mail=a@b', 'http://api/config?mail=a@b'],
    ['http://api?mail=a@b', 'http://api?mail=a@b'],
    ['//user:secret@api/x', '//***@api/x'],
  ])('%s is shown as %s', (url, shown) => {
    expect(maskUrl(url)).toBe(shown)
  })
})

describe('maskMalformedUrl', () => {
  it.each([
    ['http://user:pa/ss@host', 'http://***@host'],
    ['user:secret@host:80', '***@host:80'],
    ['http://a b:c@d@host?x', 'http://***@host?x'],
    ['http://host', 'http://host'],
  ])('%s is shown as %s', (text, shown) => {
    expect(maskMalformedUrl(text)).toBe(shown)
  })
})
