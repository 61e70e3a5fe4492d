const ONE_OR_MORE = { anyOf: [{ type: 'string' }, { type: 'array', minItems: 1, items: { type: 'string' } }] }
const TEXTS_BY_NAME = { type: 'object', minProperties: 1, additionalProperties: { type: 'string' } }

/**
 * A rule in JSON Schema: text, or data. Rule texts and the matchers of the host are not checked, so further keys are allowed.
 */
export const RULE_JSON_SCHEMA: Readonly<Record<string, unknown>> = {
  anyOf: [
    { type: 'string', minLength: 1, examples: ['Host:www.example.com;ClientIP:10.1.1.0/24'] },
    {
      type: 'object',
      minProperties: 1,
      properties: {
        ...Object.fromEntries(
          [
            'host',
            'hostRegexp',
            'path',
            'pathPrefix',
            'pathRegexp',
            'pathStrip',
            'pathStripRegex',
            'pathPrefixStrip',
            'pathPrefixStripRegex',
            'method',
            'clientIp',
          ].map((name) => [name, ONE_OR_MORE]),
        ),
        ...Object.fromEntries(
          ['headers', 'headersRegexp', 'query', 'queryRegexp'].map((name) => [name, TEXTS_BY_NAME]),
        ),
        ...Object.fromEntries(
          ['addPrefix', 'replacePath', 'replacePathRegex'].map((name) => [name, { type: 'string' }]),
        ),
        any: { type: 'array', minItems: 1, items: { $ref: '#/$defs/Rule' } },
        not: { $ref: '#/$defs/Rule' },
      },
      examples: [{ host: 'www.example.com', clientIp: ['10.1.1.0/24'] }],
    },
  ],
}
