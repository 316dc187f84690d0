/** The Lua scripts behind `ctq keys` and `ctq find`, each in a file of its own with its keys, arguments and answers. */
import { type RedisScript, redisScript } from '../../connections/redis/script.js';
import adopt from './scripts/adopt.lua';
import dropBindings from './scripts/drop-bindings.lua';
import dropKeys from './scripts/drop-keys.lua';
import keyFacts from './scripts/key-facts.lua';
import ownerless from './scripts/ownerless.lua';
import searchHash from './scripts/search-hash.lua';
import searchList from './scripts/search-list.lua';

export const keyFactsScript: RedisScript = redisScript(keyFacts);
export const ownerlessScript: RedisScript = redisScript(ownerless);
export const adoptScript: RedisScript = redisScript(adopt);
export const dropKeysScript: RedisScript = redisScript(dropKeys);
export const dropBindingsScript: RedisScript = redisScript(dropBindings);
export const searchListScript: RedisScript = redisScript(searchList);
export const searchHashScript: RedisScript = redisScript(searchHash);
