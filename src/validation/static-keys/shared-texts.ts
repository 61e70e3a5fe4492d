/** What to do before removing keys of TLS of clients. */
export const TLS_WAY_OUT =
  'end TLS in a proxy in front, or in an https server of your own with proxy.attach, then remove it'

/** What keys mean that several providers have. */
export const SHARED = {
  allowEmpty: 'Whether a configuration without frontends may go live.',
  prefix: 'The prefix of the keys.',
  watch: 'If false, the provider reads until one configuration is live, then stops watching.',
  aliasKey: 'The alias key.',
  underPrefix: 'the key `alias` under the prefix, if it exists',
  followTarget: 'If true, changes below the prefix that the alias names are read at once too.',
  allowedPrefix: 'The alias value must be this prefix or stand below it.',
  anyPrefix: 'any absolute path',
  tls: 'TLS of the connection. Endpoints without a scheme are https then.',
  ca: 'The certificate authorities to trust.',
  nodesRoots: 'those that Node trusts',
  cert: 'A client certificate.',
  key: 'The private key of the client certificate.',
  insecureSkipVerify: 'If true, any certificate is accepted.',
  caOptional: 'It is about servers, and the provider is a client.',
  trace: 'Logs more about the provider.',
  templateVersion: "The version of Traefik's templates.",
  debugLogGeneratedTemplate: 'Logs what a template makes.',
} as const

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
