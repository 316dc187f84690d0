/** What a server says of itself; undefined where the engine does not have such a thing. */
export interface StoreHealth {
  readonly engine: 'redis' | 'valkey' | 'sqlite';
  readonly version: string;
  readonly roundTripMs: number;
  /** The server's clock minus ours. */
  readonly clockSkewMs?: number;
  readonly usedBytes?: number;
  readonly maxBytes?: number;
  /** `maxmemory-policy`. */
  readonly evictionPolicy?: string;
  /** How writes are kept through a crash of the server. */
  readonly persistence?: readonly ('append-only file' | 'snapshots' | 'write-ahead log')[];
  readonly role?: 'master' | 'replica';
  readonly connectedClients?: number;
}
