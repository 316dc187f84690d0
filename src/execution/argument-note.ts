/**
 * What a call that does not fit says beyond Python's words. Those are the same wherever a task is written; what is
 * different in JavaScript, and so the usual mistake, stands in a note below them (PEP 678) and never in the message.
 */
import type { Parameter } from './parameters.js';

export type Misfit = 'missing' | 'too many' | 'unexpected keyword';

export interface NotedCall {
  readonly misfit: Misfit;
  /** All that the function has, the task's context among them. */
  readonly parameters: readonly Parameter[];
  /** Whether the first of them is the task's context. */
  readonly bound: boolean;
  /** The parameter that got nothing. */
  readonly missing?: string;
}

/** What people call the context of a bound task. */
const CONTEXT_NAME = /^_?(?:task|self|ctx|context)$/;

export function argumentNote({ misfit, parameters, bound, missing }: NotedCall): string {
  const [first] = parameters;
  const takesContext = first?.kind === 'plain' && CONTEXT_NAME.test(first.name);
  if (bound && !takesContext)
    return `bind: true gives the task itself to the first parameter of ${listOf(parameters)}, and arguments to those after it`;
  const own = `its parameters are ${listOf(bound ? parameters.slice(1) : parameters)}`;
  if (misfit === 'missing' && !bound && takesContext)
    return `${own}; ${first.name} is the task itself, and no argument, only with bind: true`;
  if (missing === undefined) return own;
  return `${own}; one that may be left out has a default, ${missing} = undefined: TypeScript's ${missing}?: is gone when it runs`;
}

function listOf(parameters: readonly Parameter[]): string {
  return `(${parameters.map(textOf).join(', ')})`;
}

function textOf(parameter: Parameter): string {
  switch (parameter.kind) {
    case 'plain':
      return parameter.optional ? `${parameter.name} = …` : parameter.name;
    case 'object':
      return parameter.keys === undefined ? '{ … }' : `{ ${[...parameter.keys].join(', ')} }`;
    case 'list':
      return '[ … ]';
    case 'rest':
      return '...';
  }
}
