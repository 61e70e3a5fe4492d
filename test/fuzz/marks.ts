const MARK = /i(\d+)k(\d+)c([0-9a-f]{6})z/g
/** Marks from here on are of probes, each its own; those below are of the case. */
const FIRST_PROBE = 90

/** What a request carries in its target, head and body, so that its bytes are known wherever they turn up. */
export function markOf(number: number, part: number): string {
  return `i${number}k${part}c${checksum(number, part)}z`
}

export function probeMark(number: number, probe: number): string {
  return markOf(number, FIRST_PROBE + probe)
}

/** Whose bytes are in a text: the case's, or one of its probes'. A mark that was damaged on its way is nobody's. */
export function ownersIn(text: string): Set<string> {
  const owners = new Set<string>()
  for (const [, number = '', part = '', sum] of text.matchAll(MARK)) {
    if (sum === checksum(Number(number), Number(part))) owners.add(ownerOf(Number(number), Number(part)))
  }
  return owners
}

export function ownerOf(number: number, part = 0): string {
  return part < FIRST_PROBE ? `case ${number}` : `probe ${part - FIRST_PROBE} of case ${number}`
}

function checksum(number: number, part: number): string {
  let sum = 2_166_136_261
  for (const value of [number & 0xff, (number >>> 8) & 0xff, number >>> 16, part]) {
    sum = Math.imul(sum ^ value, 16_777_619)
  }
  return ((sum >>> 0) & 0xffffff).toString(16).padStart(6, '0')
}
