/** What a server says of itself, and of those who live from it; undefined where the engine has no such thing, or will not tell. */

/** A consumer of ours whose sign of life has stood still for longer than it may. */
export interface SilentConsumer {
  /** Its node name where the store knows it, else its id. */
  readonly name: string;
  readonly silentMs: number;
}

export interface StoreHealth {
  readonly engine: 'redis' | 'valkey' | 'sqlite' | 'rabbitmq';
  readonly version: string;
  readonly roundTripMs: number;
  /** The server's clock minus ours. */
  readonly clockSkewMs?: number;
  readonly usedBytes?: number;
  readonly maxBytes?: number;
  /** `maxmemory-policy`. */
  readonly evictionPolicy?: string;
  /** How writes are kept through a crash of the server; empty: not at all. */
  readonly persistence?: readonly ('append-only file' | 'snapshots' | 'write-ahead log')[];
  /** The last attempt to keep them failed. */
  readonly persistenceFailed?: string;
  readonly role?: 'master' | 'replica';
  readonly connectedClients?: number;
  /** `visibility_timeout`: after this long Python gives a message back that has not been acknowledged. */
  readonly visibilityTimeoutS?: number;
  /** Why it takes no messages now. */
  readonly alarms?: readonly string[];
  readonly silentConsumers: readonly SilentConsumer[];
}
