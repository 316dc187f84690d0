import { describePoolContract } from './pool.js';
import { poolSkips } from './pool/skips.js';

describePoolContract('prefork', poolSkips.prefork);
