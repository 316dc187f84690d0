/** The Lua scripts, each in a file of its own under `scripts/` with its keys, arguments and answers. */
import { type RedisScript, redisScript } from '../../connections/redis-script.js';
import chord from '../../result-backends/redis-chord.lua';
import answer from './scripts/answer.lua';
import drain from './scripts/drain.lua';
import finish from './scripts/finish.lua';
import giveBack from './scripts/give-back.lua';
import held from './scripts/held.lua';
import ledger from './scripts/ledger.lua';
import publish from './scripts/publish.lua';
import renew from './scripts/renew.lua';
import restoreForeign from './scripts/restore-foreign.lua';
import settle from './scripts/settle.lua';
import take from './scripts/take.lua';
import unpark from './scripts/unpark.lua';

export const takeScript: RedisScript = redisScript(take);
export const settleScript: RedisScript = redisScript(held, settle);
export const finishScript: RedisScript = redisScript(held, chord, finish);
export const answerScript: RedisScript = redisScript(held, answer);
export const renewScript: RedisScript = redisScript(held, renew);
export const giveBackScript: RedisScript = redisScript(held, giveBack);
export const unparkScript: RedisScript = redisScript(unpark);
export const restoreForeignScript: RedisScript = redisScript(restoreForeign);
export const publishScript: RedisScript = redisScript(publish);
export const ledgerScript: RedisScript = redisScript(ledger);
export const drainScript: RedisScript = redisScript(drain);
