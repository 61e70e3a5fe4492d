import { type Address, parseAddress, parseRange } from '../../base/cidr.js'
import { compileRanges } from '../../base/range-set.js'

/**
 * Where a machine finds its cloud's credentials, and its neighbours on the link. Who may write a server's URL must not reach
 * them through the proxy, so no server is there unless `limits.upstreamNetworks` asks for it. Each row names its vendor's
 * documentation; docs/limits.md holds the same table.
 */
export const CREDENTIAL_SERVICES: readonly {
  readonly range: string
  readonly who: string
  readonly source: string
}[] = [
  {
    range: '169.254.0.0/16',
    who: 'link-local networks; the metadata services of AWS, Azure, Google, Oracle, OpenStack, DigitalOcean, Hetzner (169.254.169.254), ECS tasks (169.254.170.2), EKS Pod Identity (169.254.170.23), Tencent (169.254.0.23), Scaleway (169.254.42.42)',
    source: 'RFC 3927',
  },
  { range: 'fe80::/10', who: 'link-local networks; OpenStack (fe80::a9fe:a9fe)', source: 'RFC 4291, 2.5.6' },
  {
    range: 'fd00:ec2::/32',
    who: 'AWS: instance metadata (fd00:ec2::254), EKS Pod Identity (fd00:ec2::23), resolver (::253), time (::123)',
    source: 'docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html',
  },
  {
    range: 'fd20:ce::254/128',
    who: 'Google Cloud',
    source: 'docs.cloud.google.com/compute/docs/metadata/querying-metadata',
  },
  {
    range: '168.63.129.16/32',
    who: 'Azure (WireServer)',
    source: 'learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16',
  },
  {
    range: '100.100.100.200/32',
    who: 'Alibaba Cloud',
    source: 'www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata',
  },
  {
    range: 'fd00:100::100:200/128',
    who: 'Alibaba Cloud',
    source: 'github.com/canonical/cloud-init (DataSourceAliYun.py)',
  },
  {
    range: 'fd00:c1::a9fe:a9fe/128',
    who: 'Oracle Cloud',
    source: 'github.com/oracle/oci-python-sdk (instance_principals_security_token_signer.py)',
  },
  {
    range: '192.0.0.192/32',
    who: 'Oracle Cloud Classic',
    source: 'Oracle, `cloudmetadatacollect.pl` (2018)',
  },
  {
    range: 'fd00:42::42/128',
    who: 'Scaleway',
    source: 'docs.cloud-init.io/en/latest/reference/datasources/scaleway.html',
  },
  {
    range: 'fd00:a9fe:a9fe::1/128',
    who: 'Akamai (Linode)',
    source: 'docs.cloud-init.io/en/latest/reference/datasources/akamai.html',
  },
]

/** Single addresses of the first row, by name, for prefixes that nobody knows; see `atAnyPrefix`. */
const WELL_KNOWN = ['169.254.169.254', '169.254.170.2', '169.254.170.23', '169.254.0.23', '169.254.42.42']

/** Compiled when first asked: reading IPv6 costs a process 7 ms of its start, and most have no server there. */
let isListedFour: ((address: Address) => boolean) | undefined
let isListedSix: ((address: Address) => boolean) | undefined
let exactly: ReadonlySet<Address | undefined> | undefined

/**
 * Whether an address is that of a credential service or of a link-local network: itself, or as an IPv4 address that an IPv6
 * address holds. What is no address, or has a zone, counts as one: it could not be told.
 */
export function isCredentialService(text: string): boolean {
  const address = parseAddress(text)
  if (address === undefined) return true
  isListedFour ??= compileListed((range) => !range.includes(':'))
  if (typeof address === 'number') return isListedFour(address)
  isListedSix ??= compileListed((range) => range.includes(':'))
  return isListedSix(address) || heldIn(address).some(isListedFour) || atAnyPrefix(address)
}

function compileListed(isOne: (range: string) => boolean): (address: Address) => boolean {
  const ranges = CREDENTIAL_SERVICES.map(({ range }) => range).filter(isOne)
  return compileRanges(ranges.map(parseRange))
}

/**
 * The IPv4 addresses that an IPv6 address leads to, or may: compatible (RFC 4291, 2.5.5.1), translated (RFC 2765, 2.1), NAT64
 * (RFC 6052, RFC 8215), 6to4 (RFC 3056), Teredo (RFC 4380: its server, and its client with all bits turned) and ISATAP
 * (RFC 5214). A mapped one is IPv4 when it was parsed.
 */
function heldIn(address: bigint): readonly number[] {
  const first96 = address >> 32n
  const low = bits(address, 96)
  const held: number[] = []
  if (first96 === 0n || first96 === 0xffff_0000n || first96 === 0x64_ff9b_0000_0000_0000_0000n) held.push(low)
  if (address >> 80n === 0x64_ff9b_0001n)
    held.push(...[48, 56, 64, 96].map((length) => nat64(address, length)))
  if (address >> 112n === 0x2002n) held.push(bits(address, 16))
  if (address >> 96n === 0x2001_0000n) held.push(bits(address, 32), ~low >>> 0)
  // The bits "u" and "g" of its interface may be set.
  if ((bits(address, 64) & ~0x0300_0000) >>> 0 === 0x5efe) held.push(low)
  return held
}

/**
 * Any network may be a NAT64 prefix of its operator's (RFC 6052, 2.2). Single addresses alone are looked for there: a whole
 * range would refuse one ordinary server in some ten thousand by chance.
 */
function atAnyPrefix(address: bigint): boolean {
  // Those of the table that are ranges give nothing here: they are no address.
  exactly ??= new Set(
    [...WELL_KNOWN, ...CREDENTIAL_SERVICES.map(({ range }) => range.replace('/32', ''))].map(parseAddress),
  )
  const known = exactly
  return [32, 40, 48, 56, 64, 96].some((length) => known.has(nat64(address, length)))
}

/** What stands behind a prefix of that length: bits 64 to 71 are left out (RFC 6052, 2.2). */
function nat64(address: bigint, length: number): number {
  if (length === 96) return bits(address, 96)
  const withoutOctet = ((address >> 64n) << 56n) | (address & 0xff_ffff_ffff_ffffn)
  return Number((withoutOctet >> BigInt(120 - length - 32)) & 0xffff_ffffn)
}

/** 32 bits from a place on, counted from the left. */
function bits(address: bigint, from: number): number {
  return Number((address >> BigInt(96 - from)) & 0xffff_ffffn)
}
