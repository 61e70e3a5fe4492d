import { get } from 'node:http'
import { type Finding, progress } from '../parts/command-line.js'
import { median, percentile } from '../parts/percentiles.js'
import { OURS, startOrigin, startSubject } from '../parts/subject.js'

/** From the start of the process to its first answer, beside a process that imports undici and does nothing. */
export async function startUp(times: number): Promise<Finding> {
  const origin = await startOrigin()
  const ours: number[] = []
  const undici: number[] = []
  for (let time = 0; time < times; time += 1) {
    if (time % 5 === 0) progress(`start, ${time} of ${times}`)
    undici.push(await milliseconds('undici-alone', origin.port, async () => {}))
    ours.push(await milliseconds(OURS, origin.port, answered))
  }
  await origin.stop()
  const more = median(ours.map((ms, time) => ms - (undici[time] ?? Number.NaN)))
  const row = (subject: string, values: readonly number[]) => ({
    subject,
    'p50 ms': median(values),
    'p90 ms': percentile(values, 0.9),
  })
  return {
    title: 'process start to first served request',
    rows: [row('switchover, to its first answer', ours), row('undici imported, nothing else', undici)],
    goals: [
      {
        work: 'process start to first served request, beyond importing undici',
        asked: '<= 60 ms',
        reached: `${more.toFixed(0)} ms`,
        met: more <= 60,
      },
    ],
    wrong: {},
  }
}

async function milliseconds(
  name: string,
  originPort: number,
  until: (port: number) => Promise<void>,
): Promise<number> {
  const started = performance.now()
  const subject = await startSubject(name, originPort)
  await until(subject.port)
  const ms = performance.now() - started
  await subject.stop()
  return ms
}

function answered(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = get({ port, host: '127.0.0.1', agent: false }, (response) => {
      response.resume()
      if (response.statusCode === 200) response.on('end', resolve)
      else reject(new Error(`the first answer was ${response.statusCode}`))
    })
    request.on('error', reject)
  })
}
