/** The headers or trailers of a server's response as the server sent them, in one list: name, value, name, value. */
export type RawFields = readonly (Buffer | string)[]
