/** The characters of a token, as a class of a regular expression (RFC 9110, section 5.6.2). */
export const TOKEN_CHARACTER = "[!#$%&'*+.^_`|~\\w-]"

/** A whole token: a method, the name of a header field or of a cookie (RFC 9110, section 5.6.2). */
export const TOKEN = new RegExp(`^${TOKEN_CHARACTER}+$`)
