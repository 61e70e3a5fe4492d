/** Header or trailer fields as a server sent them: names and values in turn. */
export type RawFields = readonly (Buffer | string)[]
