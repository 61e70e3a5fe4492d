import { flag, type KeyRow, later, pem, refused, table, text } from './static-key.js'

/** What to do before removing keys of TLS of clients. */
export const TLS_WAY_OUT =
  'end TLS in a proxy in front, or in an https server of your own with proxy.attach, then remove it'

/** Why keys of TLS of clients guard. */
export const WITHOUT_TLS = 'without it the certificates, and what they require of clients, are missing'

/** Rows of keys, by their paths. */
type KeyRows = Readonly<Record<string, KeyRow>>

/**
 * The certificates of a connection to a provider's source.
 *
 * @param table the path of the table, such as `etcd.tls`
 * @param option the option that gets the values
 */
export const certificateRows = (
  table: string,
  option: string,
  more: Pick<KeyRow, 'traefik'> = {},
): KeyRows => ({
  [`${table}.ca`]: pem(`${option}.ca`, 'The certificate authorities to trust.', {
    defaultMeaning: 'those that Node trusts',
    ...more,
  }),
  [`${table}.cert`]: pem(`${option}.cert`, 'A client certificate.', more),
  [`${table}.key`]: pem(`${option}.key`, 'The private key of the client certificate.', more),
})

/** TLS of the connection to the source of a provider. */
export const tlsRows = (provider: string): KeyRows => ({
  [`${provider}.tls`]: table(
    `${provider}.tls`,
    'TLS of the connection. Endpoints without a scheme are https then.',
  ),
  ...certificateRows(`${provider}.tls`, `${provider}.tls`),
  [`${provider}.tls.insecureSkipVerify`]: flag(
    `${provider}.tls.insecureSkipVerify`,
    'If true, any certificate is accepted.',
    { default: false },
  ),
})

/** Whether a provider takes a document without frontends. */
export const allowEmptyRow = (provider: string): KeyRows => ({
  [`${provider}.allowEmpty`]: flag(
    `${provider}.allowEmpty`,
    'Whether a configuration without frontends may go live.',
    { default: false, traefik: false },
  ),
})

/** Where the keys of a store stand, and whether the provider follows them. */
export const prefixRows = (store: string, prefix: string): KeyRows => ({
  [`${store}.prefix`]: text(`${store}.prefix`, 'The prefix of the keys.', { default: prefix }),
  [`${store}.watch`]: flag(
    `${store}.watch`,
    'If false, the provider reads until one configuration is live, then stops watching.',
    { default: true },
  ),
})

/**
 * The alias of a store, and what it may name.
 *
 * @param otherAlias what an absent alias key means beyond the usual, after a semicolon
 * @param unlessApi a sentence on `followTarget`
 */
export const aliasRows = (store: string, otherAlias = '', unlessApi = ''): KeyRows => ({
  [`${store}.tls.caOptional`]: flag('nothing', 'It is about servers, and the provider is a client.'),
  [`${store}.aliasKey`]: text(`${store}.aliasKey`, 'The alias key.', {
    defaultMeaning: `the key \`alias\` under the prefix, if it exists${otherAlias}`,
    traefik: false,
  }),
  [`${store}.followTarget`]: flag(
    `${store}.followTarget`,
    `If true, changes below the prefix that the alias names are read at once too.${unlessApi}`,
    { default: false, traefik: false },
  ),
  [`${store}.allowedPrefix`]: text(
    `${store}.allowedPrefix`,
    'The alias value must be this prefix or stand below it.',
    { defaultMeaning: 'any absolute path', traefik: false },
  ),
  ...allowEmptyRow(store),
})

/** The row of `constraints`, which Traefik has for all providers together and for each. */
export const CONSTRAINTS = [
  'list',
  'Chooses servers and frontends by their tags.',
  'keep what it leaves out away from this provider, then remove it',
  'without it the frontends and servers that it leaves out get requests',
] as const

/** The row of `filename` of a store: a template of the operator's own. */
export const TEMPLATE = [
  'text',
  'A template of your own. It makes the document from the keys, and so decides what is served.',
  'write what the template makes as keys or as a document, then remove it',
  'without its template the guards that it writes are missing',
] as const

/** Keys about templates and logs of a provider, which the proxy does not support yet. */
export const templateRows = (provider: string): KeyRows => ({
  [`${provider}.trace`]: later('flag', 'Logs more about the provider.'),
  [`${provider}.templateVersion`]: later('number', "The version of Traefik's templates."),
  [`${provider}.debugLogGeneratedTemplate`]: later('flag', 'Logs what a template makes.'),
})

/** Keys of a store that decide what is served, and that the proxy does not support yet. */
export const refusedRows = (store: string): KeyRows => ({
  [`${store}.constraints`]: refused(...CONSTRAINTS),
  [`${store}.filename`]: refused(...TEMPLATE),
  ...templateRows(store),
})
