import { type Address, parseAddress, parseRange } from '../../base/cidr.js'
import { compileRanges } from '../../base/range-set.js'

/**
 * IP ranges of link-local networks, and of the services that give credentials to machines in a cloud. The author of a
 * configuration could reach these services through the proxy, if a server's URL led to them. So the proxy connects to these
 * ranges only if `limits.upstreamNetworks` allows them. Each row names its source. docs/limits.md has the same table.
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

/**
 * IPv4 addresses of credential services that lie in the first range of `CREDENTIAL_SERVICES`. `atAnyPrefix` looks for them in
 * IPv6 addresses with an unknown NAT64 prefix.
 */
const WELL_KNOWN = ['169.254.169.254', '169.254.170.2', '169.254.170.23', '169.254.0.23', '169.254.42.42']

/**
 * These functions, which test an address, are compiled on first use. The IPv6 ranges take 7 ms to parse, and most proxies never
 * connect to an IPv6 address.
 */
let isListedFour: ((address: Address) => boolean) | undefined
let isListedSix: ((address: Address) => boolean) | undefined
let singleAddresses: ReadonlySet<Address | undefined> | undefined

/**
 * Returns whether an IP address belongs to a credential service or a link-local network. Returns true as well for an IPv6 address
 * that embeds such an IPv4 address. Also returns true for a text that is no address or has an IPv6 zone, because it cannot be
 * checked.
 */
export function isCredentialService(text: string): boolean {
  const address = parseAddress(text)
  if (address === undefined) return true
  isListedFour ??= compileListed((range) => !range.includes(':'))
  if (typeof address === 'number') return isListedFour(address)
  isListedSix ??= compileListed((range) => range.includes(':'))
  return isListedSix(address) || embeddedIn(address).some(isListedFour) || atAnyPrefix(address)
}

function compileListed(isOne: (range: string) => boolean): (address: Address) => boolean {
  const ranges = CREDENTIAL_SERVICES.map(({ range }) => range).filter(isOne)
  return compileRanges(ranges.map(parseRange))
}

/**
 * Returns the IPv4 addresses that an IPv6 address embeds, or may embed. Three of the six forms are IPv4-compatible (RFC 4291,
 * 2.5.5.1), IPv4-translated (RFC 2765, 2.1) and NAT64 (RFC 6052, RFC 8215). The other three are 6to4 (RFC 3056), Teredo (RFC
 * 4380) and ISATAP (RFC 5214). A Teredo address embeds the address of a Teredo server, and the address of a client with all bits
 * inverted. The caller's `parseAddress` has already turned an IPv4-mapped address into IPv4.
 */
function embeddedIn(address: bigint): readonly number[] {
  const first96 = address >> 32n
  const low = bits(address, 96)
  const found: number[] = []
  if (first96 === 0n || first96 === 0xffff_0000n || first96 === 0x64_ff9b_0000_0000_0000_0000n)
    found.push(low)
  if (address >> 80n === 0x64_ff9b_0001n)
    found.push(...[48, 56, 64, 96].map((length) => nat64(address, length)))
  if (address >> 112n === 0x2002n) found.push(bits(address, 16))
  if (address >> 96n === 0x2001_0000n) found.push(bits(address, 32), ~low >>> 0)
  // In an ISATAP address, the bits "u" and "g" of the interface identifier may be set. The test ignores both bits.
  if ((bits(address, 64) & ~0x0300_0000) >>> 0 === 0x5efe) found.push(low)
  return found
}

/**
 * Returns whether an IPv6 address may embed the IPv4 address of a credential service behind any NAT64 prefix. The operator of a
 * network may choose any prefix (RFC 6052, 2.2). The function looks only for single IPv4 addresses. If it looked for a whole IPv4
 * range, the proxy would refuse about one ordinary server in ten thousand by chance.
 */
function atAnyPrefix(address: bigint): boolean {
  // Only the rows of `CREDENTIAL_SERVICES` with a single IPv4 address matter here. The other rows do not parse to an IPv4
  // address, so they match nothing.
  singleAddresses ??= new Set(
    [...WELL_KNOWN, ...CREDENTIAL_SERVICES.map(({ range }) => range.replace('/32', ''))].map(parseAddress),
  )
  const known = singleAddresses
  return [32, 40, 48, 56, 64, 96].some((length) => known.has(nat64(address, length)))
}

/**
 * Returns the IPv4 address behind a NAT64 prefix of the given length. Bits 64 to 71 of the IPv6 address are skipped, since they
 * are not part of the IPv4 address (RFC 6052, 2.2).
 */
function nat64(address: bigint, length: number): number {
  if (length === 96) return bits(address, 96)
  const withoutOctet = ((address >> 64n) << 56n) | (address & 0xff_ffff_ffff_ffffn)
  return Number((withoutOctet >> BigInt(120 - length - 32)) & 0xffff_ffffn)
}

/** Returns 32 bits of an IPv6 address, beginning with the bit `from`. Bits are counted from the left. */
function bits(address: bigint, from: number): number {
  return Number((address >> BigInt(96 - from)) & 0xffff_ffffn)
}
