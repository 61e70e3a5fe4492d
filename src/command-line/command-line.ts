import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { suggestName } from '../base/nearest-name.js'
import { TOKEN } from '../base/token.js'
import { asError } from '../model/errors.js'
import type { DocumentFormat } from '../providers/parse-document.js'
import { checkFiles } from './check-files.js'
import { commandFlags, unknownFlag, withValuesJoined } from './command-flags.js'
import { convertDocument } from './convert-document.js'
import { convertKeys } from './convert-keys.js'
import { explainRequest } from './explain-request.js'
import { findStaticConfig } from './find-static-config.js'
import { runProxy } from './run-proxy.js'
import type { Terminal } from './terminal.js'

const USAGE = 2
/** Commands that know nothing of the static configuration's flags. */
const WITHOUT_FLAGS: readonly string[] = ['check', 'convert']

/** Commander's own, of `explain`. */
interface ExplainOptions {
  readonly host: string
  readonly path: string
  readonly clientIp: string
  readonly method?: string
  readonly header: Readonly<Record<string, string | string[]>>
  readonly entryPoint?: string
  readonly configFile?: string
  readonly json?: boolean
}

/**
 * Does what a command line asks for.
 *
 * @param words behind the program's name
 * @param version printed by `--version`
 * @returns the exit code
 */
export async function runCommandLine(
  words: readonly string[],
  terminal: Terminal,
  version: string,
): Promise<number> {
  let exitCode = 0
  const program = programFor(terminal, version, (code) => {
    exitCode = code
  })
  try {
    const takesFlags = !WITHOUT_FLAGS.includes(words[0] ?? '')
    await program.parseAsync(takesFlags ? withValuesJoined(words) : words, { from: 'user' })
    return exitCode
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : USAGE
    terminal.fail(asError(thrown).message)
    return 1
  }
}

function programFor(terminal: Terminal, version: string, exit: (code: number) => void): Command {
  const program = new Command('switchover')
    .description('A reverse proxy whose routes switch over atomically when an alias key in etcd changes.')
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: terminal.write,
      writeErr: terminal.writeError,
      // An option that it does not know may have a password for its value.
      outputError: (text, write) => write(text.replace(/^(error: unknown option '[^=\n]*)=.*'$/m, "$1'")),
    })
    .addHelpText('after', PROGRAM_EXAMPLES)
  addRun(program, terminal, exit)
  addCheck(program, terminal, exit)
  addExplain(program, terminal, exit)
  addConvert(program, terminal, exit)
  return program
}

const CONFIG_FILE = [
  '-c, --configFile <file>',
  'the static configuration; default: where Traefik looks too',
] as const

function addRun(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  const command = program
    .command('run', { isDefault: true })
    .description('runs the proxy that a traefik.toml describes')
    .usage('[--configFile=traefik.toml] [--any.static.key=value]')
    .option(...CONFIG_FILE)
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText('after', RUN_EXAMPLES)
    .action(async ({ configFile }: { configFile?: string }) => {
      const given = commandFlags(command.args)
      const { flags, operands } = given
      const flaw = (operands.length > 0 && unknownFlag(given)) || flawOf(operands, program)
      if (flaw) command.error(`error: ${flaw}`)
      exit(await runProxy(await findStaticConfig(configFile, flags, terminal.env), terminal))
    })
}

/** What is wrong with words beside flags; `run` may stand behind them. */
function flawOf([first, second]: readonly string[], program: Command): string | undefined {
  const known = program.commands.map((one) => one.name())
  if (first === undefined || (first === 'run' && second === undefined)) return undefined
  if (known.includes(first)) return `expected ${first} in the first place, and what it takes behind it`
  return `there is no command ${JSON.stringify(first)}${suggestName(first, known)}`
}

function addCheck(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  program
    .command('check')
    .description('looks for what is wrong with documents and static configurations, and says where it stands')
    .argument('<file...>', 'TOML, YAML or JSON, or folders of such files')
    .addHelpText('after', CHECK_EXAMPLES)
    .action(async (files: readonly string[]) => exit(await checkFiles(files, terminal)))
}

function addExplain(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  const command = program
    .command('explain')
    .description('says which frontend would win a request, and why')
    .usage('[FILE...] --host H --path P --client-ip IP [--any.static.key=value]')
    .requiredOption('--host <host>', 'the host that is asked for')
    .requiredOption('--path <path>', 'the path, with a query or without')
    .requiredOption('--client-ip <address>', 'who asks; unknown: a client without an address')
    .option('--method <method>', 'default: GET')
    .option('--header <header>', "as 'Name: value'; may be given several times", addHeader, {})
    .option('--entry-point <name>', 'where the request comes in; default: the first one')
    .option(...CONFIG_FILE)
    .option('--json', 'all that is known, as JSON')
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText('after', EXPLAIN_EXAMPLES)
    .action(async (options: ExplainOptions) => {
      const given = commandFlags(command.args)
      const { flags, operands } = given
      const isOfFiles = operands.length > 0
      const flaw = isOfFiles ? unknownFlag(given) : undefined
      if (flaw !== undefined) command.error(`error: ${flaw}`)
      if (isOfFiles && (options.configFile !== undefined || Object.keys(flags).length > 0))
        command.error('error: expected files, or a static configuration, found both')
      const [path = '', query] = options.path.split(/\?(.*)/s)
      const { host, clientIp: clientAddress, method, header: headers, entryPoint } = options
      const request = {
        ...{ host, path, clientAddress, headers },
        ...(query !== undefined && { query }),
        ...(method !== undefined && { method }),
        ...(entryPoint !== undefined && { entryPoint }),
      }
      const source = isOfFiles
        ? { files: operands }
        : { config: await findStaticConfig(options.configFile, flags, terminal.env) }
      exit(await explainRequest(source, request, options.json ?? false, terminal))
    })
}

function addConvert(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  program
    .command('convert')
    .description('prints a document as JSON, or a static configuration in a store as a traefik.toml')
    .argument('<file>', 'TOML, YAML, JSON, or keys; - for the standard input')
    .addOption(new Option('--format <format>', 'by default, the ending of its name says it').choices(FORMATS))
    .option('--prefix <prefix>', 'of keys: what the configuration stands below; default: /traefik')
    .addHelpText('after', CONVERT_EXAMPLES)
    .action(
      async (file: string, { format, prefix }: { format?: DocumentFormat | 'keys'; prefix?: string }) => {
        if (format === 'keys') return exit(await convertKeys(file, prefix ?? '/traefik', terminal))
        if (prefix !== undefined) program.error('error: expected --format keys beside --prefix')
        exit(await convertDocument(file, format, terminal))
      },
    )
}

const FORMATS: readonly (DocumentFormat | 'keys')[] = ['toml', 'yaml', 'json', 'keys']

function addHeader(text: string, headers: ExplainOptions['header']): ExplainOptions['header'] {
  const [, name = '', value = ''] = /^([^:]*):([\s\S]*)$/.exec(text) ?? []
  if (!TOKEN.test(name)) throw new InvalidArgumentError("Expected 'Name: value'.")
  const key = name.toLowerCase()
  const before = headers[key]
  return { ...headers, [key]: before === undefined ? value.trim() : [before, value.trim()].flat() }
}

const PROGRAM_EXAMPLES = `
Examples:
  $ switchover                                    runs ./traefik.toml
  $ switchover --configFile=dev.toml --web        the same of another file, with a status server
  $ switchover check traefik.toml rules.toml
  $ switchover explain rules.toml --host a.test --path / --client-ip 10.0.1.7`

const RUN_EXAMPLES = `
Every key of the static configuration is a flag, and an environment variable too: --etcd.prefix=/a is
SWITCHOVER_ETCD_PREFIX=/a. Flags come before the environment, and that before the file.

SIGHUP reads it again, SIGUSR1 opens the logs anew, SIGTERM and SIGINT let requests finish, then end.

Examples:
  $ switchover --configFile=traefik.toml --entryPoints.http.address=:8000
  $ switchover --file.filename=rules.toml --web.address=:8080
  $ SWITCHOVER_ETCD_PASSWORD=secret switchover -c traefik.toml`

const CHECK_EXAMPLES = `
Exit code 0: nothing is wrong, but for warnings; 1: something is; 2: a file cannot be read.

Examples:
  $ switchover check rules.toml
  $ switchover check traefik.toml rules/`

const EXPLAIN_EXAMPLES = `
Without files, the providers of the static configuration are asked.
Exit code 0: a frontend wins; 1: none does; 2: that cannot be told.

Examples:
  $ switchover explain rules.toml --host www.baidu.com --path / --client-ip 10.0.1.7
  $ switchover explain --configFile=traefik.toml --host a.test --path '/x?y=1' --client-ip ::1 --json
  $ switchover explain rules/ --host a.test --path / --client-ip ::1 --header 'X-Tenant: blue'`

const CONVERT_EXAMPLES = `
Of keys, the static configuration is printed, which Traefik reads in a store; documents stay there.
Exit code 0: it is printed; 1: it is no document; 2: it cannot be read.

Examples:
  $ switchover convert rules.toml > rules.json
  $ switchover convert --format yaml - < rules.yaml
  $ etcdctl get --prefix /traefik/ --write-out=json | switchover convert --format keys --prefix /traefik -
  $ consul kv export traefik/ | switchover convert --format keys --prefix traefik -`
