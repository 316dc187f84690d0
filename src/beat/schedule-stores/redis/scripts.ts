/** The Lua scripts, each in a file of its own with its keys, arguments and answers. */
import { type RedisScript, redisScript } from '../../../connections/redis/script.js';
import attend from './attend.lua';
import change from './change.lua';
import fire from './fire.lua';
import load from './load.lua';
import pauseEntry from './pause-entry.lua';
import putEntry from './put-entry.lua';
import removeEntry from './remove-entry.lua';
import resign from './resign.lua';
import resumeEntry from './resume-entry.lua';

export const attendScript: RedisScript = redisScript(attend);
export const resignScript: RedisScript = redisScript(resign);
export const fireScript: RedisScript = redisScript(fire);
export const changeScript: RedisScript = redisScript(change);
export const putEntryScript: RedisScript = redisScript(putEntry);
export const removeEntryScript: RedisScript = redisScript(removeEntry);
export const loadScript: RedisScript = redisScript(load);
export const pauseEntryScript: RedisScript = redisScript(pauseEntry);
export const resumeEntryScript: RedisScript = redisScript(resumeEntry);
