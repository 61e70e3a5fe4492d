import { announce } from './announcer.js'
import { onTokenNeeded, readJson } from './api.js'
import { createBackends } from './backends.js'
import { setServerClock, startClock } from './clock.js'
import { createConnection } from './connection.js'
import { byId, setText } from './element.js'
import { followEvents } from './event-stream.js'
import { createExplain } from './explain.js'
import { formatDuration, formatMany } from './format.js'
import { createFrontends } from './frontends.js'
import { countsOf, mergeEntries } from './history.js'
import { createNotices, refusedText } from './notices.js'
import { createOverview } from './overview.js'
import { gathered } from './poll.js'
import { createTimeline } from './timeline.js'
import { askForToken } from './token-form.js'
import { createTraffic } from './traffic.js'

/** @import { Config, Entry, Point, Refusal, Switch } from './api-types.js' */

const timeline = createTimeline(byId('timeline-list', HTMLElement))
const notices = createNotices(byId('notices', HTMLElement), timeline.show)
const overview = createOverview()
const traffic = createTraffic(byId('plots', HTMLElement))
const backends = createBackends()
const frontends = createFrontends({ onBackend: backends.find })
const connection = createConnection()
const complaint = byId('complaint', HTMLElement)

/** The state of the proxy. Undefined until it has been read. @type {Config | undefined} */
let config
/** The known entries of the configuration history, newest first. @type {Entry[]} */
let entries = []
/**
 * The entries of the configuration history that came as events on this connection. The page also requests the whole history, and
 * the answer may be too old to contain these entries.
 *
 * @type {Entry[]}
 */
let told = []

function draw() {
  if (config) overview.draw(config, entries)
  notices.draw(entries, config)
  timeline.draw(entries)
  traffic.mark(entries)
}

/** Adds an entry of the configuration history that came as an event, and draws the page again. @param {Entry} entry */
function addEntry(entry) {
  told = mergeEntries(told, [entry])
  entries = mergeEntries(entries, [entry])
  draw()
}

/**
 * The sequence number of the newest request for the state of the proxy. The answer to an older request may arrive later, and is
 * ignored.
 */
let asked = 0

async function readConfig() {
  const question = ++asked
  const answer = /** @type {Config} */ (await readJson('config'))
  if (question !== asked) return
  config = answer
  for (const { liveSince, ageMs } of config.providers) {
    if (liveSince !== undefined && ageMs !== undefined) setServerClock(Date.parse(liveSince) + ageMs)
  }
  draw()
}

async function readHistory() {
  const answer = /** @type {{ entries: Entry[] }} */ (await readJson('history'))
  // Drop all entries that came before this connection. A restarted server numbers its entries from 1 again, so old and new
  // entries would have the same numbers.
  entries = mergeEntries(answer.entries, told)
  draw()
}

async function readTraffic() {
  const answer = /** @type {{ points: Point[] }} */ (await readJson('traffic'))
  traffic.reset(answer.points)
}

async function readEverything() {
  const read = await Promise.allSettled([
    readConfig(),
    readHistory(),
    readTraffic(),
    frontends.refresh(),
    backends.refresh(),
  ])
  const failed = read.flatMap((one) => (one.status === 'rejected' ? [String(one.reason?.message)] : []))
  complaint.hidden = failed.length === 0
  setText(complaint, failed.length === 0 ? '' : `Some data could not be read: ${failed.join('; ')}`)
  document.body.dataset['loaded'] = ''
}

/**
 * Reads the configuration, the frontends and the backends again after an event. Several events in a short time cause only one
 * read.
 */
const readAnew = gathered(50, () =>
  Promise.allSettled([readConfig(), frontends.refresh(), backends.refresh()]),
)

/**
 * Shows a new live configuration at once, with the data of the event. The other data of the page is read later.
 *
 * @param {Switch} entry
 */
function onSwitch(entry) {
  const { provider, version, at, generation } = entry
  if (config) {
    config = {
      ...config,
      generation,
      providers: config.providers.map((state) => {
        if (state.provider !== provider) return state
        const { version: _, staleSince: __, ...rest } = state
        return { ...rest, state: 'live', liveSince: at, ...(version !== undefined && { version }) }
      }),
    }
  }
  addEntry(entry)
  const changes = countsOf(entry).filter(({ count }) => count > 0)
  const changed = changes.map(({ word, count }) => `${count} ${word}`).join(', ')
  announce(`Generation ${generation}: ${provider} serves ${version ?? 'a new version'}. ${changed}`)
  readAnew()
}

/** Shows and announces a refused configuration. @param {Refusal} entry */
function onRefusal(entry) {
  addEntry(entry)
  announce(
    `${refusedText(entry)}. ${formatMany(entry.error.issueCount, 'issue')}. The previous configuration still serves requests.`,
  )
  readAnew()
}

/** The functions that handle events of the event stream, by name of the event. @type {Record<string, (data: any) => void>} */
const ON_EVENT = {
  configChanged: onSwitch,
  configRejected: onRefusal,
  providerUnavailable({ provider, message }) {
    announce(`Provider ${provider} is unavailable: ${message}`)
    readAnew()
  },
  providerRecovered({ provider, downMs }) {
    announce(`Provider ${provider} has recovered after ${formatDuration(downMs)}.`)
    readAnew()
  },
  serverDown({ backend, server, reason }) {
    announce(`Server ${server} of ${backend} is down: ${reason}`)
    readAnew()
  },
  serverUp({ backend, server }) {
    announce(`Server ${server} of ${backend} is up.`)
    readAnew()
  },
  traffic: (/** @type {Point} */ point) => traffic.add(point),
}

createExplain()
startClock()
onTokenNeeded(askForToken)
void followEvents({
  onOpen() {
    connection.open()
    told = []
    void readEverything()
  },
  onEvent(name, data) {
    if (Object.hasOwn(ON_EVENT, name)) ON_EVENT[name]?.(data)
  },
  onHeard: connection.heard,
  onLost: connection.lost,
})
