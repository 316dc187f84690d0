/**
 * Which test file begins when: rooms that wait for servers and processes first, so that no worker sits on a long file when the
 * others have nothing left. Within a room vitest's own order stands: what failed, then what took long the last time.
 */
import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const ROOMS = ['test/faults/', 'test/interop/', 'test/contract/', 'test/cli/', 'test/package/', 'test/docs/'];

export class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const room = ({ moduleId, project }: TestSpecification): number => {
      const path = relative(project.config.root, moduleId).replaceAll('\\', '/');
      const index = ROOMS.findIndex((folder) => path.startsWith(folder));
      return index < 0 ? ROOMS.length : index;
    };
    return (await super.sort(files)).sort((a, b) => room(a) - room(b));
  }
}
