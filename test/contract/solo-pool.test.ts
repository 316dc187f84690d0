import { describePoolContract } from './pool.js';
import { poolSkips } from './pool/skips.js';

describePoolContract('solo', poolSkips.solo);
