import { describePoolContract } from './pool.js';
import { poolSkips } from './pool/skips.js';

describePoolContract('async', poolSkips.async);
