/** A character of an HTTP token, as a character class for a regular expression (RFC 9110, section 5.6.2). */
export const TOKEN_CHARACTER = "[!#$%&'*+.^_`|~\\w-]"

/** Matches a whole HTTP token: a method, or the name of a header or cookie (RFC 9110, section 5.6.2). */
export const TOKEN = new RegExp(`^${TOKEN_CHARACTER}+$`)
