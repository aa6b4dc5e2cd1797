/** Addresses that lead to this machine alone: names that resolvers must not give to others (RFC 6761), and theirs. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, '$1');
  return name === 'localhost' || name === '::1' || /^127(?:\.\d{1,3}){3}$/.test(name);
}
