// One file instead of a hundred: a process that imports the package has it in a fifth of the time.
export default {
  input: { index: 'src/index.ts', testing: 'src/testing.ts' },
  platform: 'node',
  // Packages stay packages; etcd3 and re2js are loaded by whoever asks for them.
  external: /^(?!\.|\/|[a-z]:[\\/])/i,
  output: { dir: 'dist', format: 'esm', sourcemap: true, cleanDir: true },
}
