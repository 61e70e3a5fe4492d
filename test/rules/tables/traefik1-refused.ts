import { type Row, refused } from './row.js'

const EMPTY = refused('the rule is empty')
const NO_NAME = refused("expected a matcher's name")
const NO_HOST = refused('is not a host name')
const NO_SLASH = refused('a path begins with "/"')
const NO_EXPRESSION = refused('is not a regular expression')
const NO_PAIR = refused('is not a pair')
const NO_TURN = refused('expected pairs of a name and a value')

/** Rules in Traefik 1.7's form that could never hold, or not as meant, and the reason that is given. */
export const TRAEFIK1_REFUSED: readonly Row[] = [
  [';;;', '/', EMPTY],
  [' ; ', '/', EMPTY],
  ['books.test', '/', NO_NAME],
  [':books.test', '/', NO_NAME],
  ['Host:books.test;/shelf', '/shelf', NO_NAME],
  ['Host:', '/', refused('Host has no value')],
  ['Path: , ', '/', refused('Path has no value')],
  ['Hots:books.test', '/', refused('the nearest known one is "Host"')],
  ['host:books.test', '/', refused('there is no matcher "host"')],
  ['PathRegexp:^/a', '/a', refused("in Traefik 1.7's form; Traefik 3's form and data have it")],
  ['QueryRegexp:a,b', '/?a=b', refused("in Traefik 1.7's form; Traefik 3's form and data have it")],
  ['Header:X-Env,qas', '/', refused('the nearest known one is "Headers"')],
  [['Host:books.test', 'Pfad:/'], '/', refused('there is no matcher "Pfad"')],
  ['Host:books.test && Path:/shelf', '/shelf', NO_HOST],
  ['Host:books.test;Path:/shelf || Path:/desk', '/desk', refused('blank')],

  ['Host:books.test:80', '/', NO_HOST],
  ['Host:http://books.test', '/', NO_HOST],
  ['Host:www.*.test', '/', NO_HOST],
  ['Host:books..test', '/', NO_HOST],
  ['Host:{sub}.books.test', '/', NO_HOST],
  ['HostRegexp:{sub:[a-z+}.books.test', '/', NO_EXPRESSION],
  ['HostRegexp:{sub.books.test', '/', refused('its braces are not balanced')],
  ['HostRegexp:sub}.books.test', '/', refused('its braces are not balanced')],
  ['HostRegexp:{:[a-z]+}.books.test', '/', refused('has no name')],
  ['HostRegexp:{sub:}.books.test', '/', refused('an empty regular expression')],
  ['HostRegexp:bücher.test', '/', refused('write xn--')],

  ['Path:shelf', '/shelf', NO_SLASH],
  ['PathPrefix:shelf/', '/shelf/', NO_SLASH],
  ['PathPrefixStrip:shelf', '/shelf', NO_SLASH],
  ['Path:/shelf?row=1', '/shelf?row=1', refused('a path has no "?"')],
  ['Path:/shelf#top', '/shelf', refused('a path has no "?", "#"')],
  ['Path:/top shelf', '/top%20shelf', refused('blank')],
  ['PathPrefix:/étage', '/', refused('non-ASCII')],
  ['Path:/{row:[0-9}', '/', NO_EXPRESSION],
  ['Path:/{row', '/', refused('its braces are not balanced')],
  ['Path:/room/../{row}', '/', refused('are resolved before rules are tested')],
  ['Path:/{row:a(?=b)}', '/', NO_EXPRESSION],
  ['Path:/{twice:(a)\\1}', '/', NO_EXPRESSION],
  ['Path:/{bomb:((a{30}){30}){30}}', '/', refused('"((a{30}){30}){30}"')],

  ['Method:GE T', '/', refused('is not a method')],
  ['Headers:X-Env', '/', NO_TURN],
  ['Headers:X-Env,qas,X-Zone', '/', NO_TURN],
  ['Headers:X Env,qas', '/', refused('is not a header name')],
  ['HeadersRegexp:X-Env', '/', NO_TURN],
  ['HeadersRegexp:X-Env,(qas', '/', NO_EXPRESSION],
  ['Query:env', '/?env', NO_PAIR],
  ['Query:env=a=b', '/?env=a', NO_PAIR],
  ['Query:=qas', '/', NO_PAIR],
  ['Query:env={value', '/', refused('its braces are not balanced')],
  ['Path:/shelf;Query:row=1, /desk', '/desk', NO_PAIR],

  ['ClientIP:10.20.30.40/33', '/', refused('expected a prefix length from 0 to 32')],
  ['ClientIP:2001:db8::/129', '/', refused('expected a prefix length from 0 to 128')],
  ['ClientIP:010.20.30.40', '/', refused('has a leading zero')],
  ['ClientIP:10.20', '/', refused('expected four numbers')],
  ['ClientIP:10.20.30.*', '/', refused('is not an address range')],
  ['ClientIP:10.20.30.40:80', '/', refused('is not an address range')],
  ['ClientIP:10.0.0.1-10.0.0.9', '/', refused('is not an address range')],
  ['ClientIP:fe80::1%eth0', '/', refused('an address with a zone')],

  ['AddPrefix:v2', '/', NO_SLASH],
  ['AddPrefix:/v2,/v3', '/', refused('expected one value')],
  ['AddPrefix:/v2?x=1', '/', refused('a path has no "?"')],
  ['ReplacePath:/a,/b', '/', refused('expected one value')],
  ['ReplacePathRegex:^/old', '/old', refused('a regular expression, a blank and a replacement')],
  ['ReplacePathRegex:^/old /new /newer', '/old', refused('a regular expression, a blank and a replacement')],
  ['ReplacePathRegex:^/(old /new', '/old', NO_EXPRESSION],
  ['ReplacePathRegex:^/old /new?x=1', '/old', refused('cannot be a path')],
  ['PathStripRegex:/{row:*}', '/', NO_EXPRESSION],
]
