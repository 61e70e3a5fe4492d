import { WITHOUT_TLS } from '../../base/why-it-guards.js'
import { CONSTRAINTS, SHARED, TLS_WAY_OUT } from './shared-texts.js'
import { flag, keysOf, later, path, refused, table } from './static-key.js'

/** The keys of the file provider, and the document that a `traefik.toml` may contain. */
export const FILE_KEYS = keysOf(
  'Files',
  { reload: 'applied' },
  {
    file: table(
      'FileProvider',
      'Without `filename` and `directory`, `frontends` and `backends` stand in this file.',
      { creates: ['file'] },
    ),
    'file.filename': path('file.filename', 'The document, as TOML, YAML or JSON.'),
    'file.directory': path('file.directory', 'A folder of documents.'),
    'file.watch': flag(
      'file.watch',
      'If true, changes of the files are read at once. Traefik: default `false`.',
      {
        default: true,
      },
    ),
    'file.allowEmpty': flag('file.allowEmpty', SHARED.allowEmpty, { default: false, traefik: false }),
    'file.constraints': refused(...CONSTRAINTS),
    'file.trace': later('flag', SHARED.trace),
    'file.templateVersion': later('number', SHARED.templateVersion),
    'file.debugLogGeneratedTemplate': later('flag', SHARED.debugLogGeneratedTemplate),
    frontends: table('the document of [file]', 'The frontends, by name.'),
    backends: table('the document of [file]', 'The backends, by name.'),
    tls: refused('table', 'Certificates of documents.', TLS_WAY_OUT, WITHOUT_TLS),
  },
)
