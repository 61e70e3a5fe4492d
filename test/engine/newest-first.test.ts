import { describe, expect, it } from 'vitest'
import { NewestFirst } from '../../src/engine/newest-first.js'

const OLD = new Error('superseded')

/** A piece of work that a test ends. */
function work(name: string, log: string[]) {
  let end = () => {}
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  const run = async (signal: AbortSignal) => {
    log.push(`${name} begins`)
    await ended
    log.push(`${name} ends${signal.aborted ? ', aborted' : ''}`)
    signal.throwIfAborted()
    return name
  }
  return { run, end }
}

const settled = (promise: Promise<unknown>) => promise.catch((error: Error) => error.message)

describe('NewestFirst', () => {
  it('runs one piece at a time: a newer one aborts the one before and waits until it has ended', async () => {
    const log: string[] = []
    const turns = new NewestFirst()
    const [one, two] = [work('one', log), work('two', log)]
    const first = settled(turns.run(OLD, one.run))
    await Promise.resolve()
    const second = turns.run(OLD, two.run)
    two.end()
    one.end()
    expect([await first, await second]).toEqual(['superseded', 'two'])
    expect(log).toEqual(['one begins', 'one ends, aborted', 'two begins', 'two ends'])
  })

  it('never begins a piece that was aborted while it waited', async () => {
    const log: string[] = []
    const turns = new NewestFirst()
    const [one, two, three] = [work('one', log), work('two', log), work('three', log)]
    for (const { end } of [one, two, three]) end()
    const all = [one, two, three].map(({ run }) => settled(turns.run(OLD, run)))
    expect(await Promise.all(all)).toEqual(['superseded', 'superseded', 'three'])
    expect(log).toEqual(['three begins', 'three ends'])
  })

  it('runs a piece behind the others, which aborts none and gives way to a newer one', async () => {
    const log: string[] = []
    const turns = new NewestFirst()
    const [one, behind, two] = [work('one', log), work('behind', log), work('two', log)]
    const first = turns.run(OLD, one.run)
    const waiting = settled(turns.behind(behind.run))
    one.end()
    expect(await first).toBe('one')
    const second = turns.run(OLD, two.run)
    behind.end()
    two.end()
    expect([await waiting, await second]).toEqual(['superseded', 'two'])
  })

  it('goes on after a piece that fails', async () => {
    const turns = new NewestFirst()
    const failed = settled(
      turns.run(OLD, async () => {
        throw new Error('failed')
      }),
    )
    expect(await failed).toBe('failed')
    expect(await turns.run(OLD, async () => 'next')).toBe('next')
  })

  it('aborts all pieces once it is closed, and later ones too', async () => {
    const log: string[] = []
    const turns = new NewestFirst()
    const one = work('one', log)
    const first = settled(turns.run(OLD, one.run))
    await Promise.resolve()
    turns.close(new Error('closed'))
    one.end()
    expect(await first).toBe('closed')
    expect(await settled(turns.run(OLD, async () => 'late'))).toBe('closed')
    expect(await settled(turns.behind(async () => 'late'))).toBe('closed')
  })
})
