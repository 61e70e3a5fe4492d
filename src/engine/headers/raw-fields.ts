/** The headers or trailers of a server's response as the server sent them, in one list: name, value, name, value. */
export type RawFields = readonly (Buffer | string)[]

/** Returns a name or value as text; `''` for none. Bytes become Latin-1, so that they are sent on unchanged (RFC 9110, 5.5). */
export function textOfField(field: Buffer | string | undefined): string {
  return typeof field === 'string' ? field : (field?.toString('latin1') ?? '')
}
