/** `disabled://`: no results are kept. Storing does nothing, asking is an error that says why. */
import { ResultBackendError } from '../errors.js';
import type { ResultBackend } from '../result-backend.js';

export async function openDisabledResultBackend(_url?: string, _options?: unknown): Promise<ResultBackend> {
  return disabledResultBackend;
}

const refuse = async (): Promise<never> => {
  throw new ResultBackendError(
    'no results are kept: there is no result backend',
    { hint: 'set resultBackend, or --result-backend on the command line' },
    'CTQ_BACKEND_DISABLED',
  );
};

const disabledResultBackend: ResultBackend = {
  displayUrl: 'disabled://',
  async store() {},
  load: refuse,
  loadMany: refuse,
  wait: refuse,
  forget: refuse,
  async close() {},
};
