/**
 * Which test file begins when: the rooms that take long first, so that no worker of vitest sits on a long file when the others have
 * nothing left; and one that waits for servers and processes beside one that computes, so that the cores are neither idle nor fought
 * for. Within a kind vitest's own order stands: what failed, then what took long the last time.
 */
import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const KINDS: readonly (readonly string[])[] = [
  // They wait: 0.2 to 0.5 of a core each.
  ['test/faults/', 'test/interop/'],
  // They compute more.
  ['test/contract/', 'test/cli/', 'test/package/', 'test/docs/'],
];

export class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const kindOf = ({ moduleId, project }: TestSpecification): number => {
      const path = relative(project.config.root, moduleId).replaceAll('\\', '/');
      return KINDS.findIndex((folders) => folders.some((folder) => path.startsWith(folder)));
    };
    const sorted = await super.sort(files);
    const [waiting = [], computing = []] = KINDS.map((_, kind) => sorted.filter((file) => kindOf(file) === kind));
    const quick = sorted.filter((file) => kindOf(file) < 0);
    const pairs = Array.from({ length: Math.max(waiting.length, computing.length) }, (_, index) => [waiting[index], computing[index]]);
    return [...pairs.flat().filter((file) => file !== undefined), ...quick];
  }
}
