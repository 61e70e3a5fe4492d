import { Command, CommanderError, Option } from 'commander'
import { suggestName } from '../base/nearest-name.js'
import { asError } from '../model/errors.js'
import type { DocumentFormat } from '../providers/parse-document.js'
import { checkFiles } from './check-files.js'
import { commandFlags, unknownFlag, withValuesJoined } from './command-flags.js'
import { convertDocument } from './convert-document.js'
import { convertKeys } from './convert-keys.js'
import { addHeader, type ExplainOptions, requestOfOptions } from './explain-options.js'
import { explainRequest } from './explain-request.js'
import { findStaticConfig } from './find-static-config.js'
import { runProxy } from './run-proxy.js'
import type { Terminal } from './terminal.js'

const USAGE = 2
/** Commands that accept no flags for configuration keys. */
const WITHOUT_FLAGS: readonly string[] = ['check', 'convert']

/**
 * Runs the command that the words of a command line name.
 *
 * @param words the arguments after the program's name
 * @param version the text that `--version` prints
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
      // Removes the value of an unknown option from commander's error message, because the value may be a password.
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
  'the static configuration; default: ./traefik.toml, $HOME/.traefik/traefik.toml or /etc/traefik/traefik.toml',
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

/**
 * Checks the words of the command line that are not flags. Returns an error message if a word is wrong, otherwise undefined. The
 * word `run` is allowed, also after flags.
 */
function flawOf([first, second]: readonly string[], program: Command): string | undefined {
  const known = program.commands.map((one) => one.name())
  if (first === undefined || (first === 'run' && second === undefined)) return undefined
  if (known.includes(first))
    return `expected the command ${first} as the first word, and its arguments after it`
  return `there is no command ${JSON.stringify(first)}${suggestName(first, known)}`
}

function addCheck(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  program
    .command('check')
    .description('checks documents and static configurations, and prints each problem with its place')
    .argument('<file...>', 'files in TOML, YAML or JSON, or folders of such files')
    .addHelpText('after', CHECK_EXAMPLES)
    .action(async (files: readonly string[]) => exit(await checkFiles(files, terminal)))
}

function addExplain(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  const command = program
    .command('explain')
    .description('shows which frontend would serve a request, and why')
    .usage('[FILE...] --host H --path P --client-ip IP [--any.static.key=value]')
    .requiredOption('--host <host>', 'the host of the request')
    .requiredOption('--path <path>', 'the path of the request, with or without a query')
    .requiredOption(
      '--client-ip <address>',
      'the address of the client; unknown stands for a client without an address',
    )
    .option('--peer-ip <address>', 'the address that connects to the proxy; default: that of the client')
    .option('--method <method>', 'the method of the request; default: GET')
    .option(
      '--header <header>',
      "a header of the request, as 'Name: value'; may be given several times",
      addHeader,
      {},
    )
    .option('--entry-point <name>', 'the entry point of the request; default: the first one')
    .option(...CONFIG_FILE)
    .option('--json', 'prints the whole explanation as JSON')
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
        command.error('error: expected either files or a static configuration, found both')
      const request = requestOfOptions(options)
      const source = isOfFiles
        ? { files: operands }
        : { config: await findStaticConfig(options.configFile, flags, terminal.env) }
      exit(await explainRequest(source, request, options.json ?? false, terminal))
    })
}

function addConvert(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  program
    .command('convert')
    .description('prints a document as JSON, or a static configuration from a store as a traefik.toml')
    .argument('<file>', 'a file in TOML, YAML or JSON, or exported keys; - means the standard input')
    .addOption(
      new Option('--format <format>', 'the format of the file; default: by the ending of its name').choices(
        FORMATS,
      ),
    )
    .option(
      '--prefix <prefix>',
      'with --format keys: the prefix of the configuration in the store; default: /traefik',
    )
    .addHelpText('after', CONVERT_EXAMPLES)
    .action(
      async (file: string, { format, prefix }: { format?: DocumentFormat | 'keys'; prefix?: string }) => {
        if (format === 'keys') return exit(await convertKeys(file, prefix ?? '/traefik', terminal))
        if (prefix !== undefined) program.error('error: --prefix needs --format keys')
        exit(await convertDocument(file, format, terminal))
      },
    )
}

const FORMATS: readonly (DocumentFormat | 'keys')[] = ['toml', 'yaml', 'json', 'keys']

const PROGRAM_EXAMPLES = `
Examples:
  $ switchover                                    runs the proxy that ./traefik.toml describes
  $ switchover --configFile=dev.toml --web        takes dev.toml, and adds a status server
  $ switchover check traefik.toml rules.toml
  $ switchover explain rules.toml --host a.test --path / --client-ip 10.0.1.7`

const RUN_EXAMPLES = `
Every key of the static configuration is also a flag and an environment variable. The key etcd.prefix is
set by --etcd.prefix=/a or SWITCHOVER_ETCD_PREFIX=/a. Flags override the environment, and both override
the file.

SIGHUP reads the configuration again. SIGUSR1 opens the logs again. SIGTERM and SIGINT let requests
finish, then end the proxy.

Examples:
  $ switchover --configFile=traefik.toml --entryPoints.http.address=:8000
  $ switchover --file.filename=rules.toml --web.address=:8080
  $ SWITCHOVER_ETCD_PASSWORD=secret switchover -c traefik.toml`

const CHECK_EXAMPLES = `
The exit code is 0 if there are no issues. It is 1 if there are issues, and 2 if a file cannot be read.
Warnings do not count.

Examples:
  $ switchover check rules.toml
  $ switchover check traefik.toml rules/`

const EXPLAIN_EXAMPLES = `
Without files, the frontends come from the providers of the static configuration.
The exit code is 0 if a frontend matches. It is 1 if no frontend matches, and 2 if there is no answer.

Examples:
  $ switchover explain rules.toml --host www.baidu.com --path / --client-ip 10.0.1.7
  $ switchover explain --configFile=traefik.toml --host a.test --path '/x?y=1' --client-ip ::1 --json
  $ switchover explain rules/ --host a.test --path / --client-ip ::1 --header 'X-Tenant: blue'`

const CONVERT_EXAMPLES = `
With --format keys, the static configuration among the keys is printed, without the documents.
The exit code is 0 if the result is printed. It is 1 if the file holds nothing to convert, and 2 if it
cannot be read.

Examples:
  $ switchover convert rules.toml > rules.json
  $ switchover convert --format yaml - < rules.yaml
  $ etcdctl get --prefix /traefik/ --write-out=json | switchover convert --format keys --prefix /traefik -
  $ consul kv export traefik/ | switchover convert --format keys --prefix traefik -`
