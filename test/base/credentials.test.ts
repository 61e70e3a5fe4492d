import { describe, expect, it, vi } from 'vitest'
import { maskCredentials, maskMalformedUrl, maskUrl } from '../../src/base/credentials.js'

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

  it('looks at a few characters before each "://" of a long text, and at each once', () => {
    const text = `${'://'.repeat(50_000)}@`
    const test = vi.spyOn(RegExp.prototype, 'test')
    const masked = maskCredentials(text)
    const looks = test.mock.calls.map(([part]) => part.length)
    test.mockRestore()
    expect(masked).toBe(text)
    // The last one stands right before the "@", so nothing lies between the two that could be a password.
    expect(looks).toHaveLength(49_999)
    expect(Math.max(...looks)).toBe(22)
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
